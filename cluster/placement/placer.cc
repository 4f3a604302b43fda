#include "cluster/placement/placer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "cluster/coordinator/transition.h"

namespace everpost::cluster {
namespace {

constexpr auto kTick = std::chrono::milliseconds{200};
// Between two looks at what the coordinator has; longer with many shards.
constexpr Micros kLookEvery = std::chrono::seconds{2};
constexpr Micros kLookPerShard = std::chrono::milliseconds{20};
// A peer that is connected is heard several times within it.
constexpr Micros kSilent = std::chrono::seconds{1};
// This node may have led for so long when it is first seen to.
constexpr Micros kSeenLate = std::chrono::seconds{1};
// A node that has just taken over does not know yet who follows it.
constexpr Micros kMeetsPeers = std::chrono::seconds{2};

Micros now() { return system_clock().steady(); }

bool in_sync(const Driver::Standing& standing, NodeId node) {
  if (!standing.config || !standing.config->in_isr(node)) return false;
  const auto peer = std::ranges::find(standing.peers, node, &Driver::Standing::Peer::node);
  return peer != standing.peers.end() && peer->streaming && peer->silent < kSilent;
}

}  // namespace

Placer::Placer(Options options)
    : options_(std::move(options)), incarnation_(Incarnation{random_u64()}) {}

void Placer::start() {
  thread_ = std::thread([this] { run(); });
}

void Placer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Placer::run() {
  Micros next{0};
  while (!stopping_) {
    std::this_thread::sleep_for(kTick);
    const auto shards = options_.shards();
    const PlacementSettings wanted = settings(*shards.front());
    return_shards(shards, wanted);
    if (now() < next) continue;
    auto placed = read_shards();
    next = now() + kLookEvery;
    Result<void> done;
    if (placed) {
      next += static_cast<std::int64_t>(placed->size()) * kLookPerShard;
      follow(*placed, shards);
      if (shards.front()->leads())
        done = replace(*placed, wanted);
      else
        away_since_.clear();  // whoever leads next begins anew
    } else {
      done = placed.error();
    }
    if (!done && !told_trouble_ && !stopping_)
      log::warning("cannot look after the placement of shards",
                   {{"error", to_string(done.error())}});
    told_trouble_ = !done;
  }
}

PlacementSettings Placer::settings(Shard& directory) {
  const auto reader = directory.replica().directory_reader();
  if (!reader) return {};
  const auto values = (*reader)->settings();
  if (!values) return {};
  std::string bad;
  const PlacementSettings settings = placement_settings(*values, &bad);
  if (!bad.empty() && bad != bad_setting_)
    log::warning("not a number of seconds: the default is used", {{"setting", bad}});
  bad_setting_ = bad;
  return settings;
}

void Placer::return_shards(const std::vector<Shard*>& shards, const PlacementSettings& settings) {
  std::vector<LedForAnother> led;
  for (Shard* const shard : shards) {
    const Driver::Standing standing = shard->leads() ? shard->standing() : Driver::Standing{};
    if (!standing.open || !standing.config || standing.config->replicas.empty() ||
        standing.config->replicas.front() == options_.node) {
      leading_.erase(shard->id());
      continue;
    }
    const NodeId preferred = standing.config->replicas.front();
    const auto [found, fresh] = leading_.try_emplace(shard->id());
    Leading& leading = found->second;
    if (fresh || leading.epoch != standing.epoch)
      leading = {.epoch = standing.epoch, .since = now()};
    const auto connected = options_.connected_since(preferred);
    const bool was_in_sync =
        std::exchange(leading.in_sync, connected && in_sync(standing, preferred));
    if (leading.in_sync && !was_in_sync) leading.in_sync_since = now();
    if (leading.in_sync) leading.in_sync_since = std::max(leading.in_sync_since, *connected);
    // Who hands a shard over on purpose stays connected; who has died comes back after that.
    if (leading.in_sync ? *connected > leading.since - kSeenLate
                        : now() - leading.since > kMeetsPeers)
      leading.was_missing = true;
    led.push_back({shard->id(), preferred, now() - leading.since,
                   leading.in_sync ? now() - leading.in_sync_since : Micros{-1},
                   leading.was_missing});
  }
  std::optional<Micros> since_last;
  if (last_return_) since_last = now() - *last_return_;
  const auto back = next_return(led, since_last, settings);
  if (!back) return;
  log::info("shard goes back to its preferred node",
            {{"shard", back->shard}, {"node", back->preferred}});
  last_return_ = now();
  // If nothing comes of it: only after the same time again.
  leading_[back->shard].in_sync = false;
  for (Shard* const shard : shards) {
    if (shard->id() != back->shard) continue;
    if (const auto begun = shard->transfer(back->preferred); !begun)
      log::info(
          "shard stays where it is",
          {{"shard", back->shard}, {"node", back->preferred}, {"error", to_string(begun.error())}});
  }
}

Result<std::vector<PlacedShard>> Placer::read_shards() {
  std::vector<PlacedShard> placed;
  ASSIGN_OR_RETURN(const auto ids, options_.coordinator->shards());
  for (const ShardId id : ids) {
    if (stopping_) return Error{ErrorCode::kClosed, "this node is stopping"};
    ASSIGN_OR_RETURN(auto found, options_.coordinator->get_now(id));
    placed.push_back({id, std::move(found.config), found.version});
  }
  return placed;
}

// What the coordinator wants to be on this node.
void Placer::follow(const std::vector<PlacedShard>& placed, const std::vector<Shard*>& shards) {
  for (const PlacedShard& shard : placed) {
    if (stopping_) return;
    const bool is_here = std::ranges::find(shards, shard.id, &Shard::id) != shards.end();
    const bool is_ours = shard.config.in_replicas(options_.node);
    if (is_here && !is_ours && not_ours_.insert(shard.id).second)
      log::warning(
          "another node has this node's copy now: what is left of it is set aside at the next "
          "start",
          {{"shard", shard.id}});
    if (is_ours) not_ours_.erase(shard.id);
    if (is_here || !is_ours) continue;
    if (const auto opened = options_.open(shard.id); opened)
      cannot_open_.erase(shard.id);
    else if (cannot_open_.insert(shard.id).second)
      log::error("a copy that is placed on this node cannot be opened; tried again",
                 {{"shard", shard.id}, {"error", to_string(opened.error())}});
  }
}

Result<void> Placer::replace(const std::vector<PlacedShard>& placed,
                             const PlacementSettings& settings) {
  ASSIGN_OR_RETURN(const auto members, options_.coordinator->registry().members());
  for (const PlacementChange& change : replace_lost(nodes(members, placed), placed, settings)) {
    if (stopping_) break;
    carry_out(change);
  }
  return {};
}

std::vector<PlacedNode> Placer::nodes(const std::vector<Member>& members,
                                      const std::vector<PlacedShard>& placed) {
  std::map<NodeId, PlacedNode> all;
  for (const Member& member : members)
    all[member.record.node] = {.id = member.record.node,
                               .zone = member.record.zone,
                               .registered = true,
                               .live = member.live};
  for (const PlacedShard& shard : placed)
    for (const NodeId node : shard.config.replicas)
      all.try_emplace(node, PlacedNode{.id = node, .registered = false, .live = false});
  std::vector<PlacedNode> nodes;
  for (auto& [id, node] : all) {
    if (node.live)
      away_since_.erase(id);
    else
      node.away = now() - away_since_.try_emplace(id, now()).first->second;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void Placer::carry_out(const PlacementChange& change) {
  const PlacedShard& shard = change.shard;
  ShardConfig to = change.to;
  to.nonce = {options_.node, incarnation_, ++proposals_};
  auto legal =
      check_transition(shard.config, to, CopyId{options_.node, {}}, Transition::kPlacement);
  const auto stored = legal ? options_.coordinator->compare_and_set_now(shard.id, shard.version, to)
                            : Result<std::uint64_t>(legal.error());
  if (stored)
    log::warning("a copy of a shard gets another place",
                 {{"shard", shard.id}, {"to", change.added}, {"instead_of", change.removed}});
  else if (stored.error().code != ErrorCode::kConflict)  // its primary was faster: next time
    log::warning("a copy of a shard gets no other place now; tried again",
                 {{"shard", shard.id}, {"error", to_string(stored.error())}});
}

}  // namespace everpost::cluster
