// What carries a shard's messages to its replicas on other nodes.
#pragma once

#include "cluster/replication/message.h"

namespace everpost::cluster {

class Messenger {
 public:
  virtual ~Messenger() = default;
  // Returns at once; a message may get lost (no connection, a full queue). Any thread.
  virtual void send(NodeId to, ShardId shard, const replication::Message& message) = 0;
};

}  // namespace everpost::cluster
