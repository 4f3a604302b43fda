// Where the copies of shards belong: pure functions of what the coordinator knows. placer.h acts
// on what they say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/coordinator/shard_config.h"

namespace everpost::cluster {

// The cluster's settings (`everpost setting set`), in whole seconds; 0: never.
struct PlacementSettings {
  Micros return_after = std::chrono::seconds{60};     // placement.return_after
  Micros replace_after = std::chrono::seconds{3600};  // placement.replace_after
  friend bool operator==(const PlacementSettings&, const PlacementSettings&) = default;
};
// What is not a number of seconds counts as not set, and is named in `bad` (of a setting's name).
PlacementSettings placement_settings(const std::map<std::string, std::string>& directory,
                                     std::string* bad = nullptr);

struct PlacedNode {
  NodeId id{};
  std::string zone{};      // empty: like no other's
  bool registered = true;  // belongs to the cluster: has started once, and is not forgotten
  bool live = true;
  Micros away{};  // since when it is not live
};
struct PlacedShard {
  ShardId id;
  ShardConfig config;
  std::uint64_t version = 0;
};

// A new cluster's copies: the first of a shard, which leads it, on each node in turn; the others in
// other zones as far as there are any, on the nodes that have the fewest.
std::vector<std::vector<NodeId>> spread(const std::vector<PlacedNode>& nodes, unsigned shards,
                                        unsigned copies);

// One change of a shard's configuration (T5). `to` needs a nonce.
struct PlacementChange {
  PlacedShard shard;  // as it is
  ShardConfig to;
  NodeId added{0}, removed{0};  // 0: none
};

// Copies that are being made at a time: all together, and on one node. What catches up for another
// reason counts, too (H51).
constexpr std::size_t kCopiesUnderWayMax = 2;
constexpr std::size_t kCopiesUnderWayOfNode = 1;

// What to do now about nodes that stay away, and about nodes that are new. A mail shard keeps its
// number of copies: a node that is lost gives its place to another one, in one change, once it is
// not in the ISR. If it cannot be dropped from there, a copy is added first, and the core swaps
// them. The directory has a copy on every registered node.
std::vector<PlacementChange> replace_lost(const std::vector<PlacedNode>& nodes,
                                          const std::vector<PlacedShard>& shards,
                                          const PlacementSettings& settings);

// A shard that this node leads although another is its preferred node.
struct LedForAnother {
  ShardId shard;
  NodeId preferred;
  Micros since{};    // how long this node has been leading it
  Micros in_sync{};  // how long the preferred copy has been in sync and connected, without a break
  bool was_missing = false;  // it was not, at some time while this node led
};
// A shard whose preferred copy was never missing was given to this node on purpose (`everpost shard
// switch`): it stays for so long.
constexpr Micros kSwitchHolds = std::chrono::hours{1};

// Which of them to hand back now; none while the last hand-over is less than kBetweenReturns ago.
constexpr Micros kBetweenReturns = std::chrono::seconds{2};
std::optional<LedForAnother> next_return(const std::vector<LedForAnother>& led,
                                         std::optional<Micros> since_last,
                                         const PlacementSettings& settings);

}  // namespace everpost::cluster
