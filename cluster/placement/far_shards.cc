#include "cluster/placement/far_shards.h"

#include <vector>

namespace everpost::cluster {

FarShards::~FarShards() {
  // A Watch waits for its callbacks, and they take the lock.
  std::vector<std::unique_ptr<Coordinator::Watch>> watches;
  {
    const std::scoped_lock lock(table_->mutex);
    for (auto& [id, far] : table_->shards) watches.push_back(std::move(far.watch));
  }
}

std::optional<NodeId> FarShards::primary(ShardId shard) {
  const Micros now = system_clock().steady();
  bool watch = false;
  std::optional<NodeId> known;
  {
    const std::scoped_lock lock(table_->mutex);
    const auto [found, fresh] = table_->shards.try_emplace(shard);
    Far& far = found->second;
    watch = fresh;
    known = far.primary;
    const Micros age = far.asked ? now - *far.asked : kStale;
    if (far.asking || age < (far.stale ? kAtMostEvery : kStale)) return known;
    far.asking = true;
    far.stale = false;
    far.asked = now;
  }
  coordinator_.get(shard, [table = table_, shard](const Result<Versioned>& found) {
    const std::scoped_lock lock(table->mutex);
    Far& far = table->shards[shard];
    far.asking = false;
    // Without the coordinator the last answer is the best there is.
    if (!found || found->version < far.version) return;
    far.version = found->version;
    far.primary.reset();
    if (found->config.primary != NodeId{0})
      far.primary = found->config.primary;
    else
      far.stale = true;
  });
  if (!watch) return known;
  auto watching = coordinator_.watch(shard, {.changed =
                                                 [table = table_, shard] {
                                                   const std::scoped_lock lock(table->mutex);
                                                   table->shards[shard].stale = true;
                                                 },
                                             .reachable = [](bool) {}});
  const std::scoped_lock lock(table_->mutex);
  table_->shards[shard].watch = std::move(watching);
  return known;
}

void FarShards::look_again(ShardId shard) {
  const std::scoped_lock lock(table_->mutex);
  const auto found = table_->shards.find(shard);
  if (found != table_->shards.end()) found->second.stale = true;
}

}  // namespace everpost::cluster
