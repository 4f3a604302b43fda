#include "cluster/replication/candidate.h"

#include "cluster/replication/configuration.h"
#include "cluster/replication/disk.h"

namespace everpost::cluster::replication {
namespace {

using Phase = Candidacy::Phase;

// How far a log reaches; the epoch decides first.
struct Reach {
  Epoch epoch;
  Lsn durable;
  friend auto operator<=>(const Reach&, const Reach&) = default;
};
Reach own_reach(const State& state) {
  return {last_epoch(state.log.table, state.log.durable.lsn), state.log.durable.lsn};
}

Micros rank_delay(const State& state) {
  const auto& replicas = state.config->replicas;
  const auto rank = std::ranges::find(replicas, state.self.copy.node) - replicas.begin();
  return state.settings.rank_delay * rank;
}

void wait(Context& c, Micros time) {
  c.state.candidacy.phase = Phase::kWaiting;
  c.state.candidacy.wake = c.now.steady + time;
}

bool may_take_over(const State& state) {
  return state.in_isr() && !state.log.hole && !state.stopping;
}

// The new ISR: whoever answered, and if those are too few then those who did not, too; the old
// primary last.
std::vector<CopyId> next_isr(const State& state) {
  const ShardConfig& old = *state.config;
  if (state.candidacy.transferred) return old.isr;
  std::vector<CopyId> isr = {state.self.copy};
  for (const CopyId& copy : old.isr) {
    const auto reply = state.candidacy.replies.find(copy);
    if (copy != state.self.copy && reply != state.candidacy.replies.end() && !reply->second.hole)
      isr.push_back(copy);
  }
  const std::size_t least = std::min<std::size_t>(old.min_isr, old.isr.size());
  const auto refill = [&](bool primaries) {
    for (const CopyId& copy : old.isr)
      if (isr.size() < least && (copy.node == old.primary) == primaries &&
          std::ranges::find(isr, copy) == isr.end())
        isr.push_back(copy);
  };
  refill(false);
  refill(true);
  return isr;
}

void take_over(Context& c) {
  State& state = c.state;
  const ShardConfig& old = *state.config;
  // What was proposed before may still be stored; a newer configuration tells.
  if (!state.coordinator_up || !state.proposals.empty() || old.epoch < state.meta.epoch)
    return wait(c, state.settings.cas_retry);
  ShardConfig next = old;
  next.epoch = Epoch{old.epoch.value + 1};
  next.primary = state.self.copy.node;
  next.isr = next_isr(state);
  state.candidacy.phase = Phase::kCas;
  propose_config(c, std::move(next), Transition::kTakeover);
}

void start_poll(Context& c) {
  State& state = c.state;
  Candidacy& candidacy = state.candidacy;
  candidacy.phase = Phase::kPoll;
  candidacy.wake = c.now.steady + state.settings.prevote_time;
  candidacy.ballot = ++state.ballots;
  candidacy.replies.clear();
  for (const NodeId node : state.config->replicas)
    if (node != state.self.copy.node)
      c.send(node,
             PreVote{candidacy.ballot, Epoch{state.config->epoch.value + 1}, state.config_version});
}

// Whether those that answered could commit something together, if they were all in the ISR.
bool hears_enough(const State& state) {
  return state.candidacy.replies.size() + 1 >= state.config->min_isr;
}

// Everybody who may be expected to has answered.
bool poll_is_complete(const State& state) {
  if (!hears_enough(state)) return false;
  for (const CopyId& copy : state.config->isr) {
    const bool gone = state.following.lost && copy.node == state.config->primary;
    if (copy != state.self.copy && !gone && !state.candidacy.replies.contains(copy)) return false;
  }
  return true;
}

void start_fencing(Context& c) {
  State& state = c.state;
  Candidacy& candidacy = state.candidacy;
  candidacy.phase = Phase::kFence;
  candidacy.wake = c.now.steady + 4 * state.settings.prevote_time;
  candidacy.fence_version = state.config_version;
  candidacy.reports.clear();
  const Epoch next{state.config->epoch.value + 1};
  if (!planted(Bug::kPollWithoutFence)) {
    state.meta.fence_version = state.config_version;
    state.meta.fence_epoch = next;
    state.following.synced = false;
  }
  for (const CopyId& copy : state.config->isr)
    if (copy != state.self.copy) c.send(copy.node, FencePoll{state.config_version, next});
}

// D7: among min_isr reports at least one is of a copy that has lost nothing, and the maximum holds
// everything that was committed. Who is not the maximum leaves the takeover to the one who is: that
// one has no primary either, and polls for itself.
void judge_reports(Context& c) {
  State& state = c.state;
  Candidacy& candidacy = state.candidacy;
  if (candidacy.fence_version != state.config_version) return wait(c, Micros{0});
  if (!planted(Bug::kPollWithoutFence) && state.saved.fence_version < candidacy.fence_version)
    return;
  if (!log_is_quiet(state.log)) return;
  if (candidacy.reports.size() + 1 < state.config->min_isr) return;
  const Reach mine = own_reach(state);
  for (const auto& [copy, report] : candidacy.reports)
    if (Reach{report.last_epoch, report.durable} > mine)
      return wait(c, 4 * state.settings.prevote_time);
  take_over(c);
}

void judge_poll(Context& c) {
  State& state = c.state;
  Candidacy& candidacy = state.candidacy;
  const Settings& settings = state.settings;
  bool primary_lives = false, longer = false;
  for (const auto& [copy, reply] : candidacy.replies) {
    if (!state.config->in_isr(copy)) continue;
    primary_lives |= reply.primary_age && *reply.primary_age < settings.suspect_after;
    longer |=
        !reply.suspect && !reply.hole && Reach{reply.last_epoch, reply.durable} > own_reach(state);
  }
  // H18. Others hear the primary: it is this copy that is cut off. The primary will drop it as
  // slow; if that does not happen, it is the primary that is not what it seems.
  // Nor does a copy that hears too few others to commit anything depose the primary by itself: it
  // would only be in the way of one that can (two copies cut off from each other, both with contact
  // to the coordinator, did so for ever). It might still have to lead, to take in a learner.
  if ((primary_lives && !state.following.stepped_down) || !hears_enough(state)) {
    const Micros until = std::max(candidacy.since + settings.duel_time, state.duel_not_before);
    if (c.now.steady < until) return wait(c, settings.prevote_time);
  }
  // Keeps records that nobody was promised; safety does not need it.
  if (longer && !candidacy.waited_for_longer) {
    candidacy.waited_for_longer = true;
    return wait(c, settings.rank_delay * static_cast<int>(state.config->replicas.size()));
  }
  if (state.meta.suspect && !planted(Bug::kSuspectTakesOver)) {
    // A fence that no compare-and-set can follow would only stop the primary (H9).
    if (!state.coordinator_up || !state.proposals.empty()) return wait(c, settings.cas_retry);
    return start_fencing(c);
  }
  take_over(c);
}

}  // namespace

void suspect_primary(Context& c) {
  State& state = c.state;
  if (!may_take_over(state)) return;
  state.role = Role::kCandidate;
  state.candidacy = {};
  state.candidacy.since = c.now.steady;
  wait(c, rank_delay(state));
  if (state.coordinator_up) c.emit(ReadConfig{});
}

void continue_candidacy(Context& c) {
  State& state = c.state;
  if (state.role != Role::kCandidate) return;
  Candidacy& candidacy = state.candidacy;
  const auto due = [&] { return c.now.steady >= candidacy.wake; };
  if (!may_take_over(state) && candidacy.phase != Phase::kCas) {
    state.role = Role::kBackup;
    return;
  }
  if (candidacy.phase == Phase::kWaiting && due()) start_poll(c);
  if (candidacy.phase == Phase::kPoll && (poll_is_complete(state) || due())) judge_poll(c);
  if (candidacy.phase == Phase::kFence) judge_reports(c);
  if (candidacy.phase == Phase::kFence && due()) wait(c, state.settings.prevote_time);
}

void on(Context& c, const Message& from, const PreVote& question) {
  State& state = c.state;
  if (state.role == Role::kStarting || from.lineage != state.meta.lineage) return;
  if (question.config_version > state.meta.config_version && state.coordinator_up)
    c.emit(ReadConfig{});
  const Following& following = state.following;
  const Reach reach = own_reach(state);
  PreVoteReply reply{question.ballot, std::nullopt,       reach.epoch,
                     reach.durable,   state.meta.suspect, state.log.hole.has_value()};
  if (state.role == Role::kPrimary)
    reply.primary_age = Micros{0};
  else if (following.primary && !following.lost)
    reply.primary_age = c.now.steady - following.heard;
  // A primary of an epoch that the candidate has left already is none.
  if (question.next_epoch.value > state.meta.epoch.value + 1) reply.primary_age.reset();
  c.send(from.from.node, reply);
}

void on(Context& c, const Message& from, const PreVoteReply& reply) {
  Candidacy& candidacy = c.state.candidacy;
  if (c.state.role != Role::kCandidate || candidacy.phase != Phase::kPoll) return;
  if (reply.ballot != candidacy.ballot || !c.state.config->in_replicas(from.from.node)) return;
  candidacy.replies[from.from] = reply;
}

void on(Context& c, const Message& from, const FencePoll& poll) {
  State& state = c.state;
  if (state.role == Role::kStarting || from.lineage != state.meta.lineage) return;
  // A primary goes on: it will meet the candidate as one of its copies. And a poll for a
  // configuration that is history cannot lead to a takeover.
  if (state.role == Role::kPrimary && state.meta.epoch < poll.next_epoch) return;
  if (poll.config_version < state.meta.config_version || state.log.hole) return;
  if (state.role == Role::kCandidate && state.candidacy.phase == Phase::kCas) return;
  if (!planted(Bug::kPollWithoutFence)) {
    if (poll.config_version > state.meta.fence_version) {
      state.meta.fence_version = poll.config_version;
      state.meta.fence_epoch = poll.next_epoch;
    }
    state.following.synced = false;
    drop_unwritten(c);
  }
  if (std::ranges::find(state.fence_asked, from.from.node) == state.fence_asked.end())
    state.fence_asked.push_back(from.from.node);
}

void answer_fence_polls(Context& c) {
  State& state = c.state;
  if (state.fence_asked.empty() || !log_is_quiet(state.log)) return;
  if (state.saved.fence_version < state.meta.fence_version) return;
  const Reach reach = own_reach(state);
  for (const NodeId node : state.fence_asked)
    c.send(node, FenceReport{state.meta.fence_version, reach.epoch, reach.durable});
  state.fence_asked.clear();
}

void on(Context& c, const Message& from, const FenceReport& report) {
  State& state = c.state;
  Candidacy& candidacy = state.candidacy;
  if (state.role != Role::kCandidate || candidacy.phase != Phase::kFence) return;
  const bool current =
      report.config_version == candidacy.fence_version || planted(Bug::kPollWithoutFence);
  if (!current || !state.config->in_isr(from.from)) return;
  candidacy.reports[from.from] = report;
}

void on(Context& c, const Message& from, const TransferGo& go) {
  State& state = c.state;
  if (state.role != Role::kBackup || from.epoch != state.meta.epoch ||
      state.following.primary != from.from || !state.following.synced)
    return;
  if (!may_take_over(state) || state.meta.suspect || go.end != state.log.durable.lsn ||
      state.config->epoch != state.meta.epoch)
    return;
  state.role = Role::kCandidate;
  state.candidacy = {};
  state.candidacy.since = c.now.steady;
  state.candidacy.transferred = true;
  take_over(c);
}

}  // namespace everpost::cluster::replication
