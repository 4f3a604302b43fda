// What the nodes have to agree on, a small value for each shard: who is its primary, in which
// epoch, and which copies are in sync. It changes by compare-and-set only.
//
//   EmbeddedCoordinator (embedded.h)  a single node's: a file on its own disk
//
// A cluster's coordinator is ZooKeeper (a later release). Thread-safe; calls may block.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "cluster/coordinator/shard_config.h"

namespace everpost::cluster {

struct Versioned {
  ShardConfig config;
  std::uint64_t version = 0;
};

class Coordinator {
 public:
  virtual ~Coordinator() = default;
  virtual Result<std::vector<ShardId>> shards() = 0;
  // Errors: kNotFound, kUnavailable.
  virtual Result<Versioned> get(ShardId shard) = 0;
  // Errors: kAlreadyExists.
  virtual Result<Versioned> create(ShardId shard, const ShardConfig& config) = 0;
  // Replaces the value if it still has `version`; returns the new version. Errors: kConflict (it
  // has another), kNotFound, kUnavailable (nobody knows whether it happened).
  virtual Result<std::uint64_t> compare_and_set(ShardId shard, std::uint64_t version,
                                                const ShardConfig& config) = 0;
};

}  // namespace everpost::cluster
