# What nodes ask of each other on behalf of an administrator, and what they answer:
# cluster/control/control_wire.h. The bytes around these structs are those of cluster/router/mail_wire.h.
# Evolves by adding fields and union members at the end only; a node that does not know a member answers
# `unsupported`.
@0x9c1be4a20d6f7713;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::cluster::control_wire");

struct Request {
  union {
    report @0 :Void;
    copy @1 :UInt32;           # the shard; answered without looking at anything that is slow
    events @2 :Events;
    switch @3 :Switch;
  }

  struct Events {
    shard @0 :UInt32;
    since @1 :Int64;           # microseconds since 1970, as all times here
    limit @2 :UInt32;
  }
  struct Switch {
    shard @0 :UInt32;
    to @1 :UInt32;             # 0: the first of the shard's nodes
    actor @2 :Text;            # who asks, for the journal
  }
}

struct Answer {
  union {
    error @0 :Error;
    report @1 :NodeReport;
    copy @2 :CopyReport;
    events @3 :List(Event);
    switched @4 :Switched;
  }
}

struct Error {
  code @0 :Text;               # base/result.h's name of it
  context @1 :Text;
}

struct NodeReport {
  node @0 :UInt32;
  release @1 :Text;
  upMicros @2 :UInt64;
  copies @3 :List(CopyReport);
}

struct CopyReport {
  shard @0 :UInt32;
  directory @1 :Bool;
  role @2 :UInt8;              # replication::Role
  epoch @3 :UInt32;
  open @4 :Bool;
  led @5 :Bool;
  inSync @6 :Bool;
  suspect @7 :Bool;
  failed @8 :Bool;
  begin @9 :UInt64;
  end @10 :UInt64;
  durable @11 :UInt64;
  commit @12 :UInt64;
  applied @13 :UInt64;
  digest @14 :Text;            # of the state at `applied`
  diskBytes @15 :UInt64;
  configVersion @16 :UInt64;
  primary @17 :UInt32;         # 0: none
  replicas @18 :List(UInt32);
  isr @19 :List(UInt32);
  minIsr @20 :UInt32;
  peers @21 :List(PeerReport);
}

struct PeerReport {
  node @0 :UInt32;
  streaming @1 :Bool;
  durable @2 :UInt64;
  applied @3 :UInt64;
  silentMicros @4 :UInt64;
  known @5 :Bool;              # whether there is a lag to tell
  lagBytes @6 :UInt64;
  lagMicros @7 :UInt64;
}

struct Event {
  time @0 :Int64;
  epoch @1 :UInt32;
  alarm @2 :Bool;
  what @3 :Text;
  why @4 :Text;
}

struct Switched {
  from @0 :UInt32;
  to @1 :UInt32;
  pauseMicros @2 :UInt64;      # 0 if it led already
}
