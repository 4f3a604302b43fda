# What replicas of a shard say to each other (cluster/replication/message.h says what it means, and
# cluster/transport/message_codec.h converts). One Replication is one message of a Session's deliver()
# (node.capnp). Evolves by adding fields and union members at the end only.
@0xe3a7194f0c5b6d82;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::rpc::wire");

struct Replication {
  node @0 :UInt32;            # the sender's copy
  disk @1 :Data;              # 16 bytes
  incarnation @2 :UInt64;
  lineage @3 :UInt32;
  epoch @4 :UInt32;           # the highest the sender has seen
  union {
    probe @5 :Probe;
    probeReply @6 :ProbeReply;
    sync @7 :Sync;
    syncDone @8 :SyncDone;
    append @9 :Append;
    ack @10 :Ack;
    nack @11 :Nack;
    preVote @12 :PreVote;
    preVoteReply @13 :PreVoteReply;
    fencePoll @14 :FencePoll;
    fenceReport @15 :FenceReport;
    stepDown @16 :Void;
    transferGo @17 :TransferGo;
    fetchRange @18 :FetchRange;
    range @19 :Range;
  }
}

struct LogEnd {
  lsn @0 :UInt64;
  chain @1 :UInt32;
}

struct EpochBegin {
  epoch @0 :UInt32;
  at @1 :LogEnd;
}

# The bytes of a record as they are in the log (docs/formats/log.md), without the padding.
struct Record {
  header @0 :Data;            # 64 bytes
  meta @1 :Data;
  body @2 :Data;
}

struct Probe {
  syncGen @0 :UInt64;
  configVersion @1 :UInt64;
}

struct ProbeReply {
  syncGen @0 :UInt64;
  table @1 :List(EpochBegin);
  durable @2 :LogEnd;
  commit @3 :UInt64;
  suspect @4 :Bool;
  hole @5 :Bool;
  coordinatorUp @6 :Bool;
}

struct Sync {
  syncGen @0 :UInt64;
  cut @1 :LogEnd;
}

struct SyncDone {
  syncGen @0 :UInt64;
  durable @1 :UInt64;
}

struct Append {
  syncGen @0 :UInt64;
  seq @1 :UInt64;
  prev @2 :LogEnd;
  commit @3 :UInt64;
  reignBegins @4 :UInt64;
  round @5 :UInt64;
  records @6 :List(Record);
}

struct Ack {
  syncGen @0 :UInt64;
  durable @1 :UInt64;
  applied @2 :UInt64;
  round @3 :UInt64;
  diskLow @4 :Bool;
  suspect @5 :Bool;
  coordinatorUp @6 :Bool;
}

struct Nack {
  enum Reason {
    staleEpoch @0;
    fenced @1;
    needProbe @2;
    forked @3;
    unsupported @4;
  }
  reason @0 :Reason;
  syncGen @1 :UInt64;
  configVersion @2 :UInt64;
}

struct PreVote {
  ballot @0 :UInt64;
  nextEpoch @1 :UInt32;
  configVersion @2 :UInt64;
}

struct PreVoteReply {
  ballot @0 :UInt64;
  heardPrimary @1 :Bool;
  primaryAgeUs @2 :UInt64;    # if heardPrimary
  lastEpoch @3 :UInt32;
  durable @4 :UInt64;
  suspect @5 :Bool;
  hole @6 :Bool;
}

struct FencePoll {
  configVersion @0 :UInt64;
  nextEpoch @1 :UInt32;
}

struct FenceReport {
  configVersion @0 :UInt64;
  lastEpoch @1 :UInt32;
  durable @2 :UInt64;
}

struct TransferGo {
  end @0 :UInt64;
}

struct FetchRange {
  from @0 :UInt64;
  to @1 :UInt64;
}

struct Range {
  from @0 :UInt64;
  records @1 :List(Record);
}
