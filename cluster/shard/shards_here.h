// The shards of this node, as they are now: they come while it runs, and never go before it stops.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "cluster/shard/shard.h"

namespace everpost::cluster {

using ShardsHere = std::function<std::vector<Shard*>()>;  // any thread

// Null: it has no copy here.
inline Shard* find_shard(const ShardsHere& here, ShardId id) {
  if (!here) return nullptr;
  const std::vector<Shard*> all = here();
  const auto found = std::ranges::find(all, id, [](const Shard* shard) { return shard->id(); });
  return found == all.end() ? nullptr : *found;
}

}  // namespace everpost::cluster
