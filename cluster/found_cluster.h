// The first act of a cluster: its znodes, and where the copies of each shard are to be.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster {

struct Foundation {
  std::vector<std::string> zookeeper;  // "host:port"
  std::string root = "/everpost";
  std::vector<NodeId> nodes;
  std::vector<std::string> zones;  // of `nodes`, in their order; shorter, or empty: not known
  unsigned mail_shards = 4;
  unsigned copies = 0;   // of each mail shard; 0: three, or as many as there are nodes
  unsigned min_isr = 0;  // 0: two from three copies on, otherwise one (degraded with one node left)
};

// Makes a cluster of nodes that will come. The directory has a copy on every node; a mail shard has
// its first copy, which leads it, on each node in turn, and the others in other zones. Can be
// repeated when it was interrupted; a cluster that is complete keeps its shards.
// Errors: kInvalidArgument, kUnavailable (ZooKeeper), kAlreadyExists (another cluster is there).
Result<Uuid> found_cluster(const Foundation& foundation);

}  // namespace everpost::cluster
