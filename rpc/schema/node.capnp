# What two nodes say to each other: docs in rpc/README.md. A node dials each of its peers once for each
# channel, says hello on each connection, and gets a session from the other side. Evolves by adding fields,
# methods and enumerants at the end only; what an older node cannot do without goes into a new protocol
# version.
@0xb5f1c2a09d3e4471;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::rpc::wire");

struct Identity {
  cluster @0 :Data;         # 16 bytes
  node @1 :UInt32;
  incarnation @2 :UInt64;   # random for each start of the process
  protocolMin @3 :UInt16;   # versions of this protocol that it speaks
  protocolMax @4 :UInt16;
  featuresMin @5 :UInt32;   # levels that it can work at
  featuresMax @6 :UInt32;
}

enum Channel {
  control @0;
  append @1;
  call @2;
  bulk @3;
}

enum Refusal {
  none @0;
  malformed @1;
  otherCluster @2;
  wrongCertificate @3;      # it does not name the node that the identity claims
  noCommonProtocol @4;
  unknownNode @5;           # (yet)
  stale @6;                 # a newer link of the same process is there already
}

interface Node {
  # The first call on each connection. `link` numbers the dialler's attempts: the connections of one belong
  # together, and an older one's are closed.
  hello @0 (mine :Identity, channel :Channel, link :UInt64)
      -> (theirs :Identity, refusal :Refusal, session :Session);
}

interface Session {
  # Messages in order. It returns once the receiver has room for more.
  deliver @0 (messages :List(Message)) -> stream;
  # Runs a handler. `timeoutMs` from now nobody waits for its answer any more.
  call @1 (method :UInt16, payload :Data, timeoutMs :UInt32) -> Answer;
}

struct Message {
  shard @0 :UInt32;
  left @1 :UInt32;          # bytes of it that the next Messages hold
  bytes @2 :Data;
}

struct Answer {
  union {
    payload @0 :Data;
    error :group {
      code @1 :Text;        # base/result.h's name of it
      context @2 :Text;
    }
  }
}
