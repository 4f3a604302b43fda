// Who leads the shards that this node has no copy of, by the coordinator: remembered, looked up
// anew when the coordinator says that something has changed, when it was wrong, and now and then.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "cluster/coordinator/coordinator.h"

namespace everpost::cluster {

class FarShards {
 public:
  // What is asked for is looked up again after so long, and never more often than that.
  static constexpr Micros kStale = std::chrono::seconds{1};
  static constexpr Micros kAtMostEvery = std::chrono::milliseconds{50};

  // `coordinator` outlives it.
  explicit FarShards(Coordinator& coordinator) : coordinator_(coordinator) {}
  ~FarShards();

  // As far as is known: none before the first answer. The shard must exist. Any thread; does not
  // block.
  std::optional<NodeId> primary(ShardId shard);
  // What primary() said was wrong. A shard that nobody has asked for is ignored.
  void look_again(ShardId shard);

 private:
  struct Far {
    std::optional<NodeId> primary;
    std::uint64_t version = 0;
    std::optional<Micros> asked;
    bool asking = false, stale = true;
    std::unique_ptr<Coordinator::Watch> watch;
  };
  // Outlives us in callbacks.
  struct Table {
    std::mutex mutex;
    std::map<ShardId, Far> shards;
  };

  Coordinator& coordinator_;
  const std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace everpost::cluster
