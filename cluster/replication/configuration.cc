#include "cluster/replication/configuration.h"

#include "cluster/replication/backup.h"
#include "cluster/replication/candidate.h"
#include "cluster/replication/disk.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

// Proposals of one version whose outcome is unknown; more would not tell more.
constexpr std::size_t kProposalsMax = 8;

bool is_mine(const State& state, const Nonce& nonce) {
  return nonce.node == state.self.copy.node && nonce.incarnation == state.self.incarnation;
}

void read_config(Context& c) {
  c.state.config_read = c.now.steady;
  c.emit(ReadConfig{});
}

void send_proposal(Context& c, ShardConfig config, std::uint64_t version, Transition kind) {
  State& state = c.state;
  config.nonce = {state.self.copy.node, state.self.incarnation, ++state.nonce_counter};
  state.proposals.push_back({config.nonce, config, version, kind, c.now.steady, false});
  c.emit(Cas{std::move(config), version, kind});
}

// A newer configuration than the one known, whoever stored it.
void adopt_config(Context& c, const ShardConfig& config, std::uint64_t version) {
  State& state = c.state;
  if (config.lineage > state.meta.lineage) {
    // An operator declared this copy to be the truth (T6): what it may have lost is lost.
    if (state.role == Role::kPrimary || !config.in_isr(state.self.copy))
      return c.fail(Fail::Why::kLineage);
    state.meta.lineage = config.lineage;
    state.meta.suspect = false;
    seed_headers(state);
  }
  // A value stored by this very process: its takeover has succeeded, whatever the call said.
  const bool mine = is_mine(state, config.nonce);
  const bool moved_on = config.epoch > state.meta.epoch;
  state.config = config;
  state.config_version = version;
  state.meta.config_version = std::max(state.meta.config_version, version);
  state.proposals.clear();  // all were of a lower version: what was not stored never will be

  if (moved_on && mine && config.primary == state.self.copy.node) {
    become_primary(c);
    return;
  }
  if (moved_on) {
    if (state.role == Role::kPrimary) step_down(c, "another copy has taken over");
    adopt_epoch(c, config.epoch);
  } else if (state.role == Role::kPrimary) {
    if (config.primary == state.self.copy.node) return meet_replicas(c);
    step_down(c, "removed as primary");
  }
  // A candidacy rests on a configuration that is gone.
  take_member_role(c);
}

}  // namespace

std::vector<CopyId> maximal_isr(const State& state) {
  std::vector<CopyId> members = state.config ? state.config->isr : std::vector<CopyId>{};
  if (planted(Bug::kCommitWithoutUnion)) return members;
  for (const Proposal& proposal : state.proposals)
    for (const CopyId& copy : proposal.config.isr)
      if (std::ranges::find(members, copy) == members.end()) members.push_back(copy);
  return members;
}

void propose_config(Context& c, ShardConfig config, Transition kind) {
  INVARIANT(c.state.config && c.state.proposals.empty(), "one change at a time");
  const auto legal = check_transition(*c.state.config, config, c.state.self.copy, kind);
  INVARIANT(legal || planted(Bug::kShrinkBelowMin), "I12: a legal transition");
  send_proposal(c, std::move(config), c.state.config_version, kind);
}

void adopt_epoch(Context& c, Epoch epoch) {
  State& state = c.state;
  INVARIANT(epoch > state.meta.epoch, "an epoch never falls");
  state.meta.epoch = epoch;
  state.following = {};
  state.following.heard = c.now.steady;  // its primary gets the time to speak
  drop_unwritten(c);
}

void take_member_role(Context& c) {
  State& state = c.state;
  if (state.role == Role::kFailed) return;
  const bool learner = state.config && !state.in_isr();
  state.role = learner ? Role::kLearner : Role::kBackup;
  if (!learner) state.seeding = false;
  state.candidacy = {};
  // Nobody leads: the primary removed itself, or it is this copy before its restart, which never
  // resumes an epoch (H14).
  if (state.config && state.config->epoch == state.meta.epoch &&
      (state.config->primary == NodeId{0} || state.config->primary == state.self.copy.node))
    state.following.lost = true;
}

bool is_fenced(const State& state, Epoch epoch) {
  return state.meta.fence_version != 0 && epoch < state.meta.fence_epoch &&
         state.meta.config_version <= state.meta.fence_version;
}

void on(Context& c, const ConfigSeen& event) {
  State& state = c.state;
  if (state.role == Role::kStarting) return;
  if (event.version < state.meta.config_version) {
    // Either an old answer, or the coordinator has lost what it once knew: a write tells (H6).
    if (!state.verifying_regression && state.coordinator_up) {
      state.verifying_regression = ++state.verifications;
      c.emit(VerifyConfig{*state.verifying_regression, event.version});
    }
    return;
  }
  if (event.version == state.meta.config_version && !state.config) {
    // The first look after a start: nothing has changed meanwhile.
    state.config = event.config;
    state.config_version = event.version;
    if (event.config.epoch > state.meta.epoch) adopt_epoch(c, event.config.epoch);
    if (event.config.lineage > state.meta.lineage) return c.fail(Fail::Why::kLineage);
    if (planted(Bug::kRestartResumesEpoch) && state.config->epoch == state.meta.epoch &&
        state.config->primary == state.self.copy.node && state.in_isr())
      return become_primary(c);
    take_member_role(c);
    return;
  }
  if (event.version > state.config_version) adopt_config(c, event.config, event.version);
}

void on(Context& c, const CasDone& event) {
  State& state = c.state;
  const auto found = std::ranges::find(state.proposals, event.nonce, &Proposal::nonce);
  if (found == state.proposals.end()) return;
  switch (event.outcome) {
    case CasDone::Outcome::kStored: {
      const ShardConfig config = found->config;
      adopt_config(c, config, event.version);
      return;
    }
    case CasDone::Outcome::kConflict:
      // This one never will be stored; another was, perhaps one of ours: the read tells.
      state.proposals.erase(found);
      read_config(c);
      return;
    case CasDone::Outcome::kUnknown:
      found->unknown = true;
      return;
  }
}

void on(Context& c, const ConfigVerified& event) {
  State& state = c.state;
  if (state.verifying_regression == event.token) {
    state.verifying_regression.reset();
    if (event.still && event.version < state.meta.config_version)
      c.fail(Fail::Why::kConfigRegression);
    return;
  }
  Following& following = state.following;
  if (following.verifying != event.token) return;
  following.verifying.reset();
  following.verify_not_before = c.now.steady + state.settings.cas_retry;
  // The primary that brought this copy up to date was still the one in force after that: nothing
  // that another one committed can be missing here.
  const bool current = event.still && event.version == state.config_version && following.synced &&
                       state.config->epoch == state.meta.epoch;
  if (!current) return;
  state.meta.suspect = false;
  acknowledge(c);  // now it counts
}

void on(Context& c, const CoordinatorState& event) {
  State& state = c.state;
  if (state.coordinator_up != event.up) state.coordinator_changed = c.now.steady;
  state.coordinator_up = event.up;
  if (event.up && state.role != Role::kStarting) read_config(c);
}

Micros config_read_every(const State& state) {
  const bool undecided =
      !state.proposals.empty() ||
      (state.role == Role::kCandidate && state.candidacy.phase == Candidacy::Phase::kCas);
  return undecided ? state.settings.cas_retry : state.settings.config_poll;
}

void poll_coordinator(Context& c) {
  State& state = c.state;
  if (!state.coordinator_up) return;
  const Micros since_read = c.now.steady - state.config_read;
  if (since_read >= config_read_every(state)) read_config(c);
  // One that was lost may still arrive. The same again, under another nonce: one of them wins, the
  // nonce tells which, and the other then can never be stored (H1).
  if (state.proposals.empty()) return;
  const Proposal last = state.proposals.back();
  if (!last.unknown || c.now.steady - last.sent < state.settings.cas_retry) return;
  // All have the same ISR, so M stays what it is; if a forgotten one was stored, a read tells.
  if (state.proposals.size() >= kProposalsMax) state.proposals.erase(state.proposals.begin());
  send_proposal(c, last.config, last.version, last.kind);
}

void remove_lost_copy(Context& c) {
  State& state = c.state;
  if (!state.config || !state.coordinator_up || !state.proposals.empty()) return;
  if (state.role == Role::kPrimary || state.role == Role::kFailed) return;
  const NodeId node = state.self.copy.node;
  if (!state.config->in_isr(node) || state.in_isr()) return;
  ShardConfig next = *state.config;
  std::erase_if(next.isr, [&](const CopyId& copy) { return copy.node == node; });
  if (next.primary == node) next.primary = NodeId{0};
  c.note("takes the copy that was lost with its disk out of the ISR", NodeId{0}, true);
  propose_config(c, std::move(next), Transition::kSelfRemoval);
}

}  // namespace everpost::cluster::replication
