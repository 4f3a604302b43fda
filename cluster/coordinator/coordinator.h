// What the nodes have to agree on, a small value for each shard: who is its primary, in which
// epoch, and which copies are in sync. It changes by compare-and-set only.
//
//   EmbeddedCoordinator (embedded.h)  a single node's: a file on its own disk
//
// A cluster's coordinator is ZooKeeper (a later release). Thread-safe; calls may block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster {

// One copy of a shard. A wiped or restored disk is another copy (docs/architecture.md).
struct CopyId {
  NodeId node;
  Uuid disk{};
  friend auto operator<=>(const CopyId&, const CopyId&) = default;
};

struct ShardConfig {
  Lineage lineage{1};
  Epoch epoch{0};
  NodeId primary{0};  // 0: none
  std::vector<CopyId> isr;
  std::vector<NodeId> replicas;  // in the order of preference
  std::uint8_t min_isr = 1;
  friend bool operator==(const ShardConfig&, const ShardConfig&) = default;
};

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
