// Keeps the copies of shards where they belong, on a thread of its own, by what place.h says:
// hands the shards of other nodes back to them, opens copies that are placed on this node, and, on
// the node that leads the directory, replaces copies of nodes that stay away.
//
// Nothing rests on it: each change is a compare-and-set of the value that it was decided on, and a
// hand-over is one that the shard's replicas agree on. It may run twice, be late, or not run.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cluster/coordinator/zookeeper_coordinator.h"
#include "cluster/placement/place.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

class Placer {
 public:
  struct Options {
    NodeId node;
    ZooKeeperCoordinator* coordinator = nullptr;
    std::function<std::vector<Shard*>()> shards;  // of this node; the directory first
    std::function<std::optional<Micros>(NodeId)> connected_since;
    // A copy of it is placed here: opens it.
    std::function<Result<void>(ShardId)> open;
  };

  explicit Placer(Options options);
  ~Placer() { stop(); }

  void start();
  // Blocks while a request to the coordinator is under way: seconds.
  void stop();

 private:
  // What this node remembers of a shard that it leads for another.
  struct Leading {
    Epoch epoch;
    Micros since{}, in_sync_since{};
    bool in_sync = false, was_missing = false;
  };

  void run();
  PlacementSettings settings(Shard& directory);
  void return_shards(const std::vector<Shard*>& shards, const PlacementSettings& settings);
  Result<std::vector<PlacedShard>> read_shards();
  void follow(const std::vector<PlacedShard>& placed, const std::vector<Shard*>& shards);
  Result<void> replace(const std::vector<PlacedShard>& placed, const PlacementSettings& settings);
  std::vector<PlacedNode> nodes(const std::vector<Member>& members,
                                const std::vector<PlacedShard>& placed);
  void carry_out(const PlacementChange& change);

  const Options options_;
  const Incarnation incarnation_;
  std::uint32_t proposals_ = 0;
  std::map<ShardId, Leading> leading_;
  std::optional<Micros> last_return_;
  std::map<NodeId, Micros> away_since_;
  std::set<ShardId> cannot_open_, not_ours_;  // said once
  std::string bad_setting_;
  bool told_trouble_ = false;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace everpost::cluster
