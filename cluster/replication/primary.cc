#include "cluster/replication/primary.h"

#include "base/crc32c.h"
#include "cluster/replication/configuration.h"
#include "cluster/replication/disk.h"
#include "cluster/replication/epoch_start.h"

namespace everpost::cluster::replication {

void become_primary(Context& c) {
  State& state = c.state;
  state.role = Role::kPrimary;
  state.meta.epoch = state.config->epoch;
  state.following = {};
  state.candidacy = {};
  state.primacy = {};
  meet_replicas(c);
}

void step_down(Context& c, std::string_view why) {
  State& state = c.state;
  // What is committed will be applied, and answered as usual; for the rest nobody knows.
  c.emit(Closed{state.commit, why});
  refuse_parked(c);
  refuse_reads(c);
  const Settings& settings = state.settings;
  state.duel_backoff = std::clamp(2 * state.duel_backoff, Micros{std::chrono::seconds{1}},
                                  settings.duel_backoff_max);
  state.duel_not_before = c.now.steady + state.duel_backoff;
  state.primacy = {};
  state.following = {};
  state.following.heard = c.now.steady;
  drop_unwritten(c);
  take_member_role(c);
}

void abdicate(Context& c, std::string_view why) {
  for (const auto& [node, peer] : c.state.primacy.peers) c.send(node, StepDown{});
  step_down(c, why);
}

void begin_reign(Context& c) {
  State& state = c.state;
  Primacy& primacy = state.primacy;
  const bool saved = state.saved.epoch >= state.meta.epoch;
  if (primacy.begun || !saved || state.log.truncating) return;
  storage::NewRecord start;
  start.type = storage::RecordType::kEpochStart;
  start.meta = encode(EpochStart{state.meta.epoch, state.self.copy.node, state.config_version, 1});
  start.time = std::max(c.now.wall, WallTime{state.log.last_time.micros + 1});
  start.seal();
  append_to_log(c, lay_out(std::move(start), state.log.end, state.meta.epoch, state.commit,
                           state.header_seed));
  primacy.begun = true;
  primacy.reign_begins = state.log.end.lsn;
}

void advance_commit(Context& c) {
  State& state = c.state;
  if (!state.primacy.begun) return;
  if (state.config->isr.size() < state.config->min_isr && !planted(Bug::kCountIsrOnly)) return;
  Lsn commit = state.log.durable.lsn;
  for (const CopyId& copy : maximal_isr(state)) {
    if (copy == state.self.copy) continue;
    const auto found = state.primacy.peers.find(copy.node);
    if (found == state.primacy.peers.end() || found->second.copy != copy) return;
    // What a SUSPECT copy says may contradict what it promised a later primary and forgot
    // (simulation seed 1101358): it counts once it has found out who leads.
    if (found->second.suspect && !planted(Bug::kCountSuspect)) return;
    commit = std::min(commit, found->second.match);
  }
  state.commit = std::max(state.commit, commit);
}

void open_if_ready(Context& c) {
  State& state = c.state;
  Primacy& primacy = state.primacy;
  if (primacy.open || !primacy.begun) return;
  const bool committed = state.commit >= primacy.reign_begins || planted(Bug::kOpenEarly);
  // H20: before its own first record is committed and applied it does not know what its
  // predecessor has answered.
  const bool applied = state.applied >= primacy.reign_begins ||
                       (planted(Bug::kOpenEarly) && state.applied >= state.commit_told);
  if (!committed || !applied) return;
  primacy.open = true;
  // If it had to poll first (D7): it was found to hold everything, and now the others hold what it
  // holds.
  state.meta.suspect = false;
  c.emit(Opened{state.meta.epoch, primacy.reign_begins});
  admit_parked(c);
}

bool is_caught_up(const State& state, const Peer& peer) {
  if (peer.state != Peer::State::kStreaming || peer.hole || !state.primacy.begun) return false;
  if (peer.suspect && !planted(Bug::kCountSuspect)) return false;
  if (planted(Bug::kExtendEarly)) return true;
  // D10. Not "has seen the epoch": with a member that is dead nothing would ever be committed, and
  // nobody could join.
  return peer.match >= std::max(state.primacy.reign_begins, state.commit);
}

namespace {

// A primary that can commit nothing, where another copy perhaps could: then it must not go on being
// heard, or nobody ever takes over (H18, H19). Not without the coordinator, for then nobody can.
std::string_view why_useless(const State& state, Micros now) {
  if (!state.coordinator_up || !state.primacy.begun || state.config->isr.size() < 2) return {};
  const Settings& settings = state.settings;
  if (state.log.persisting && now - state.log.persist_began > settings.stall_time)
    return "its disk does not answer";
  for (const CopyId& copy : state.config->isr) {
    const auto peer = state.primacy.peers.find(copy.node);
    if (peer != state.primacy.peers.end() && now - peer->second.heard <= settings.duel_time)
      return {};
  }
  return "no other member of the ISR answers";
}

}  // namespace

void continue_primacy(Context& c) {
  State& state = c.state;
  if (state.role != Role::kPrimary) return;
  // Its takeover was under way when it was told to stop.
  if (state.stopping) return abdicate(c, "the node stops");
  if (const auto why = why_useless(state, c.now.steady); !why.empty()) return abdicate(c, why);
  begin_reign(c);
  advance_commit(c);
  open_if_ready(c);
  adjust_isr(c);
  continue_transfer(c);
  continue_reads(c);
  for (auto& [node, peer] : state.primacy.peers)
    if (peer.state == Peer::State::kStreaming)
      stream(c, node, peer);
    else
      greet(c, node, peer);
}

}  // namespace everpost::cluster::replication
