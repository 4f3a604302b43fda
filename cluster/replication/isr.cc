// Which copies are in sync, as far as the primary may change that: never below min_isr (D3), and
// only by one change at a time.
#include "cluster/replication/configuration.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

const Peer* find(const State& state, const CopyId& copy) {
  const auto found = state.primacy.peers.find(copy.node);
  if (found == state.primacy.peers.end()) return nullptr;
  return &found->second;
}

// A process that has ended, or a connection that cannot be made again at once. Dropping a member
// for the latter costs it a catch-up of milliseconds; waiting for the former costs every client
// of the shard.
bool is_gone(const State& state, const Peer& peer, Micros now) {
  return peer.lost && *peer.lost >= peer.heard && now - *peer.lost >= state.settings.gone_after;
}

// A member that holds up every commit (H19).
bool is_slow(const State& state, const CopyId& copy, Micros now) {
  const Peer* const peer = find(state, copy);
  if (!peer) return true;
  if (now - peer->heard > state.settings.slow_after || is_gone(state, *peer, now)) return true;
  if (peer->copy && *peer->copy != copy) return true;  // another disk by now
  if (peer->hole || peer->disk_low || peer->state == Peer::State::kNeedsSeed) return true;
  // It holds up every commit as well, until it has reached the coordinator.
  if (peer->suspect_since && now - *peer->suspect_since > state.settings.slow_after) return true;
  if (peer->stalled_since && now - *peer->stalled_since > state.settings.stall_time) return true;
  return peer->behind_since && now - *peer->behind_since > state.settings.lag_time;
}

void remember_drop(State& state, NodeId node, Micros now) {
  Readmission& readmission = state.primacy.readmissions[node];
  const Settings& settings = state.settings;
  // A member that was in sync for long starts from the beginning.
  if (readmission.dropped != Micros{0} && now - readmission.dropped > 2 * settings.readmit_max)
    readmission.backoff = Micros{0};
  readmission.backoff =
      std::clamp(2 * readmission.backoff, settings.readmit_min, settings.readmit_max);
  readmission.not_before = now + readmission.backoff;
  readmission.dropped = now;
}

// A copy outside the ISR that may come in.
std::optional<CopyId> newcomer(const State& state, Micros now) {
  const ShardConfig& config = *state.config;
  const bool few = config.isr.size() <= config.min_isr;
  for (const auto& [node, peer] : state.primacy.peers) {
    if (!peer.copy || config.in_isr(*peer.copy) || !is_caught_up(state, peer)) continue;
    if (now - peer.heard > state.settings.slow_after || is_gone(state, peer, now)) continue;
    if (peer.disk_low) continue;
    if (peer.stalled_since && now - *peer.stalled_since > state.settings.slow_after) continue;
    const auto readmission = state.primacy.readmissions.find(node);
    if (!few && readmission != state.primacy.readmissions.end() &&
        now < readmission->second.not_before)
      continue;
    return peer.copy;
  }
  return std::nullopt;
}

}  // namespace

void adjust_isr(Context& c) {
  State& state = c.state;
  Primacy& primacy = state.primacy;
  if (primacy.look_again && c.now.steady >= *primacy.look_again) primacy.look_again.reset();
  if (!primacy.begun || !state.coordinator_up || !state.proposals.empty() || primacy.transfer)
    return;
  const Micros now = c.now.steady;

  if (primacy.touch && *primacy.touch < state.config_version) primacy.touch.reset();
  if (primacy.touch) return propose_config(c, *state.config, Transition::kTouch);

  std::vector<CopyId> slow;
  for (const CopyId& copy : state.config->isr)
    if (copy != state.self.copy && is_slow(state, copy, now)) slow.push_back(copy);
  const std::optional<CopyId> coming = newcomer(state, now);

  ShardConfig next = *state.config;
  const auto drop = [&](const CopyId& copy) {
    std::erase(next.isr, copy);
    remember_drop(state, copy.node, now);
  };
  const std::size_t least = planted(Bug::kShrinkBelowMin) ? 1 : next.min_isr;
  for (const CopyId& copy : slow)
    if (next.isr.size() > least) drop(copy);
  if (next.isr.size() < state.config->isr.size()) {
    c.note("drops members that do not answer from the ISR", slow.front().node);
    return propose_config(c, std::move(next), Transition::kShrink);
  }
  if (!coming) return;
  // Another disk of a member's node takes that member's place; at min_isr, a newcomer takes the
  // place of one that does not answer.
  const auto same_node = std::ranges::find(next.isr, coming->node, &CopyId::node);
  if (same_node != next.isr.end())
    next.isr.erase(same_node);
  else if (!slow.empty())
    drop(slow.front());
  next.isr.push_back(*coming);
  c.note("takes a copy that has caught up into the ISR", coming->node);
  propose_config(c, std::move(next), Transition::kExtend);
}

}  // namespace everpost::cluster::replication
