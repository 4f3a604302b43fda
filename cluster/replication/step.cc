#include "cluster/replication/step.h"

#include "cluster/replication/backup.h"
#include "cluster/replication/candidate.h"
#include "cluster/replication/configuration.h"
#include "cluster/replication/disk.h"
#include "cluster/replication/invariants.h"
#include "cluster/replication/mutation.h"
#include "cluster/replication/primary.h"
#include "cluster/replication/repair.h"

namespace everpost::cluster::replication {
namespace {

void on(Context& c, const Started& event) {
  State& state = c.state;
  INVARIANT(state.role == Role::kStarting, "a replica starts once");
  state.meta = state.saved = event.meta;
  // Records tell of their epoch, should the meta file have been lied about (simulation seed 512).
  if (!planted(Bug::kForgetEpoch))
    state.meta.epoch = std::max(state.meta.epoch, last_epoch(event.log.table, event.log.end.lsn));
  seed_headers(state);
  take_contents(state.log, event.log);
  state.applied = state.commit_told = event.applied;
  state.commit = std::max(event.log.commit, event.applied);
  // Without the coordinator it may follow the epoch that it knows, never lead: every takeover needs
  // a member of the ISR that refuses the epoch before.
  state.role = Role::kBackup;
  state.following.heard = c.now.steady;
  state.coordinator_changed = c.now.steady;
  if (state.coordinator_up) c.emit(ReadConfig{});
}

void on(Context&, const Tick&) {}

void on(Context& c, const Stop&) {
  c.state.stopping = true;  // a primary abdicates (continue_primacy)
}

void on(Context& c, const Applied& event) {
  c.state.applied = std::max(c.state.applied, event.lsn);
}

void on(Context& c, const Received& event) {
  const Message& message = event.message;
  if (message.from.node == c.state.self.copy.node) return;
  std::visit([&](const auto& payload) { on(c, message, payload); }, message.payload);
}

void on(Context& c, const PeerLost& event) {
  State& state = c.state;
  if (state.role == Role::kPrimary) return on_lost_peer(c, event.peer);
  Following& following = state.following;
  const bool by_name = !following.primary && state.config && state.config->primary == event.peer;
  if (by_name || (following.primary && following.primary->node == event.peer))
    following.lost = true;
}

// What any event may have made possible.
void go_on(Context& c) {
  poll_coordinator(c);
  remove_lost_copy(c);
  continue_following(c);
  continue_candidacy(c);
  continue_primacy(c);
  answer_fence_polls(c);
  continue_repair(c);
  if (c.state.role == Role::kFailed) return;
  persist_next(c);
  save_meta(c);
  tell_commit(c);
  trim_tail(c);
}

Micros wake_of_peer(const Settings& settings, const Peer& peer) {
  switch (peer.state) {
    case Peer::State::kStreaming:
      return peer.sent + settings.heartbeat;
    default:
      return peer.sent + settings.probe_every;
  }
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kStarting:
      return "starting";
    case Role::kLearner:
      return "learner";
    case Role::kBackup:
      return "backup";
    case Role::kCandidate:
      return "candidate";
    case Role::kPrimary:
      return "primary";
    case Role::kFailed:
      return "failed";
  }
  return "?";
}

State make_state(const Identity& self, const Settings& settings) {
  State state;
  state.self = self;
  state.settings = settings;
  return state;
}

void step(State& state, const Now& now, const Event& event, std::vector<Effect>& effects) {
  if (state.role == Role::kFailed) return;
  if (state.role == Role::kStarting && !std::holds_alternative<Started>(event)) {
    if (const auto* coordinator = std::get_if<CoordinatorState>(&event))
      state.coordinator_up = coordinator->up;
    return;
  }
  const Watermarks before = watermarks(state);
  Context c{state, now, effects};
  std::visit(
      [&](const auto& happened) {
        if constexpr (std::is_same_v<std::decay_t<decltype(happened)>, Propose>)
          on(c, Propose(happened));
        else
          on(c, happened);
      },
      event);
  if (state.role != Role::kFailed) go_on(c);
  check_invariants(state, before);
}

Micros next_wake(const State& state) {
  const Settings& settings = state.settings;
  Micros wake = Micros::max();
  const auto at = [&](Micros time) { wake = std::min(wake, time); };
  if (state.coordinator_up) {
    at(state.config_read + config_read_every(state));
  }
  if (state.log.hole && !state.mending) at(state.fetched + settings.fetch_every);
  switch (state.role) {
    case Role::kBackup:
      if (state.in_isr() && !state.log.hole && !state.stopping)
        at(state.following.heard + settings.suspect_after);
      if (state.meta.suspect && state.following.synced && !state.following.verifying)
        at(state.following.verify_not_before + settings.cas_retry);
      break;
    case Role::kCandidate:
      if (state.candidacy.phase != Candidacy::Phase::kCas) at(state.candidacy.wake);
      break;
    case Role::kPrimary:
      for (const auto& [node, peer] : state.primacy.peers) at(wake_of_peer(settings, peer));
      if (state.primacy.transfer) at(state.primacy.transfer->until);
      if (state.primacy.look_again) at(*state.primacy.look_again);
      break;
    case Role::kStarting:
    case Role::kLearner:
    case Role::kFailed:
      break;
  }
  return wake;
}

}  // namespace everpost::cluster::replication
