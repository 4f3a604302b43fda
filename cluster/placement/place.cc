#include "cluster/placement/place.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace everpost::cluster {
namespace {

using Copies = std::map<NodeId, std::size_t>;  // of mail shards, by node

const PlacedNode* find(const std::vector<PlacedNode>& nodes, NodeId id) {
  const auto found = std::ranges::find(nodes, id, &PlacedNode::id);
  return found == nodes.end() ? nullptr : &*found;
}

// In how many copies of `replicas` the zone of `node` is already.
std::size_t in_zone(const std::vector<PlacedNode>& nodes, const std::vector<NodeId>& replicas,
                    const PlacedNode& node) {
  if (node.zone.empty()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(replicas, [&](NodeId id) {
    const PlacedNode* const other = find(nodes, id);
    return other && other->zone == node.zone;
  }));
}

bool is_live(const std::vector<PlacedNode>& nodes, NodeId id) {
  const PlacedNode* const node = find(nodes, id);
  return node && node->live;
}

class Replacement {
 public:
  Replacement(const std::vector<PlacedNode>& nodes, const std::vector<PlacedShard>& shards,
              const PlacementSettings& settings)
      : nodes_(nodes), settings_(settings) {
    for (const PlacedShard& shard : shards)
      for (const NodeId node : shard.config.replicas) {
        if (shard.id != kDirectoryShard) ++copies_[node];
        if (is_learner(shard, node)) count(node);
      }
  }

  std::optional<PlacementChange> directory(const PlacedShard& shard) {
    for (const NodeId node : shard.config.replicas) {
      const PlacedNode* const known = find(nodes_, node);
      if (known && known->registered) continue;
      if (is_lost(node) && !shard.config.in_isr(node)) return change(shard, NodeId{0}, node);
    }
    for (const PlacedNode& node : nodes_) {
      if (!node.registered || !node.live || shard.config.in_replicas(node.id)) continue;
      if (may_copy(node.id)) return change(shard, node.id, NodeId{0});
    }
    return std::nullopt;
  }

  std::optional<PlacementChange> mail(const PlacedShard& shard) {
    const ShardConfig& config = shard.config;
    NodeId lost{0}, lost_in_sync{0};
    for (const NodeId node : config.replicas) {
      if (is_learner(shard, node)) return std::nullopt;  // one after the other
      if (!is_lost(node)) continue;
      NodeId& to = config.in_isr(node) ? lost_in_sync : lost;
      if (to == NodeId{0}) to = node;
    }
    if (lost == NodeId{0} && lost_in_sync == NodeId{0}) return std::nullopt;
    // Nobody could fill a new copy.
    if (std::ranges::none_of(config.isr, [&](const CopyId& c) { return is_live(nodes_, c.node); }))
      return std::nullopt;
    // The primary drops what it can do without: then it is not in the ISR any more.
    if (lost == NodeId{0} && config.isr.size() > config.min_isr) return std::nullopt;
    const auto target = new_place(config.replicas, lost);
    if (!target) return std::nullopt;
    return change(shard, *target, lost);
  }

 private:
  bool is_lost(NodeId id) const {
    if (settings_.replace_after == Micros{0}) return false;
    const PlacedNode* const node = find(nodes_, id);
    return node && !node->live && node->away >= settings_.replace_after;
  }
  bool is_learner(const PlacedShard& shard, NodeId node) const {
    return is_live(nodes_, node) && !shard.config.isr.empty() && !shard.config.in_isr(node);
  }
  void count(NodeId node) {
    ++under_way_[node];
    ++all_under_way_;
  }
  bool may_copy(NodeId node) const {
    const auto found = under_way_.find(node);
    return all_under_way_ < kCopiesUnderWayMax &&
           (found == under_way_.end() || found->second < kCopiesUnderWayOfNode);
  }

  std::optional<NodeId> new_place(std::vector<NodeId> replicas, NodeId lost) {
    const std::vector<NodeId> has_one = replicas;
    std::erase(replicas, lost);
    using Rank = std::tuple<std::size_t, std::size_t, NodeId>;
    std::optional<Rank> best;
    for (const PlacedNode& node : nodes_) {
      if (!node.live || !node.registered || !may_copy(node.id)) continue;
      if (std::ranges::find(has_one, node.id) != has_one.end()) continue;
      const Rank rank{in_zone(nodes_, replicas, node), copies_[node.id], node.id};
      if (!best || rank < *best) best = rank;
    }
    if (!best) return std::nullopt;
    return std::get<NodeId>(*best);
  }

  // `added` takes the place of `removed`: a shard's preferred node has a successor.
  PlacementChange change(const PlacedShard& shard, NodeId added, NodeId removed) {
    PlacementChange change{shard, shard.config, added, removed};
    std::vector<NodeId>& replicas = change.to.replicas;
    if (added != NodeId{0}) {
      count(added);
      if (shard.id != kDirectoryShard) ++copies_[added];
    }
    if (removed == NodeId{0})
      replicas.push_back(added);
    else if (added == NodeId{0})
      std::erase(replicas, removed);
    else
      std::ranges::replace(replicas, removed, added);
    return change;
  }

  const std::vector<PlacedNode>& nodes_;
  const PlacementSettings& settings_;
  Copies copies_, under_way_;
  std::size_t all_under_way_ = 0;
};

}  // namespace

PlacementSettings placement_settings(const std::map<std::string, std::string>& directory,
                                     std::string* bad) {
  PlacementSettings settings;
  const auto read = [&](const char* name, Micros& to) {
    const auto found = directory.find(name);
    if (found == directory.end()) return;
    const std::string& text = found->second;
    std::uint32_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc{} && end == text.data() + text.size())
      to = std::chrono::seconds{seconds};
    else if (bad)
      *bad = name;
  };
  read("placement.return_after", settings.return_after);
  read("placement.replace_after", settings.replace_after);
  return settings;
}

std::vector<std::vector<NodeId>> spread(const std::vector<PlacedNode>& nodes, unsigned shards,
                                        unsigned copies) {
  const std::size_t count = nodes.size();
  Copies has;
  for (unsigned shard = 0; shard < shards; ++shard) ++has[nodes[shard % count].id];
  std::vector<std::vector<NodeId>> all;
  for (unsigned shard = 0; shard < shards; ++shard) {
    std::vector<NodeId> replicas{nodes[shard % count].id};
    while (replicas.size() < std::min<std::size_t>(copies, count)) {
      using Rank = std::tuple<std::size_t, std::size_t, std::size_t>;
      std::optional<Rank> best;
      for (std::size_t distance = 1; distance < count; ++distance) {
        const PlacedNode& node = nodes[(shard + distance) % count];
        if (std::ranges::find(replicas, node.id) != replicas.end()) continue;
        const Rank rank{in_zone(nodes, replicas, node), has[node.id], distance};
        if (!best || rank < *best) best = rank;
      }
      const NodeId next = nodes[(shard + std::get<2>(*best)) % count].id;
      ++has[next];
      replicas.push_back(next);
    }
    all.push_back(std::move(replicas));
  }
  return all;
}

std::vector<PlacementChange> replace_lost(const std::vector<PlacedNode>& nodes,
                                          const std::vector<PlacedShard>& shards,
                                          const PlacementSettings& settings) {
  std::vector<PlacementChange> changes;
  Replacement replacement(nodes, shards, settings);
  for (const PlacedShard& shard : shards) {
    if (shard.config.isr.empty()) continue;  // nobody has begun it yet: its first node will
    auto change =
        shard.id == kDirectoryShard ? replacement.directory(shard) : replacement.mail(shard);
    if (change) changes.push_back(*std::move(change));
  }
  return changes;
}

std::optional<LedForAnother> next_return(const std::vector<LedForAnother>& led,
                                         std::optional<Micros> since_last,
                                         const PlacementSettings& settings) {
  if (settings.return_after == Micros{0}) return std::nullopt;
  if (since_last && *since_last < kBetweenReturns) return std::nullopt;
  for (const LedForAnother& shard : led) {
    if (shard.in_sync < settings.return_after) continue;
    if (!shard.was_missing && shard.since < kSwitchHolds) continue;
    return shard;
  }
  return std::nullopt;
}

}  // namespace everpost::cluster
