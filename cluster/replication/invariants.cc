#include "cluster/replication/invariants.h"

#include "base/invariant.h"
#include "cluster/replication/mutation.h"

namespace everpost::cluster::replication {
namespace {

void check_log(const State& state) {
  const LogState& log = state.log;
  INVARIANT(log.durable.lsn <= log.written.lsn && log.written.lsn <= log.end.lsn,
            "a log is durable up to here, written up to there");
  INVARIANT(log.begin <= log.durable.lsn, "a log begins before it ends");
  INVARIANT(log.written == log.end || !log.tail.empty(), "what is not written is in memory");
  INVARIANT(log.table.empty() || log.table.back().at.lsn < log.end.lsn,
            "I10: each epoch of the table has a record");
  INVARIANT(state.commit <= log.end.lsn, "I5: what is committed is in the log");
  INVARIANT(state.commit_told <= std::min(state.commit, log.durable.lsn),
            "I7: what is applied is committed, and durable here");
  INVARIANT(state.applied <= state.commit_told, "I7: nothing else is applied");
}

void check_primary(const State& state, const Watermarks& before) {
  INVARIANT(state.config && state.config->primary == state.self.copy.node,
            "leads by configuration");
  INVARIANT(state.config->epoch == state.meta.epoch || planted(Bug::kRestartResumesEpoch),
            "leads in the configuration's epoch");
  INVARIANT(state.in_isr(), "I13: the primary is in the ISR");
  INVARIANT(maximal_isr(state).size() >= state.config->isr.size(), "I13: M holds the ISR");
  const Primacy& primacy = state.primacy;
  INVARIANT(!primacy.open || state.commit >= primacy.reign_begins || planted(Bug::kOpenEarly),
            "I8: open means that EPOCH_START is committed");
  INVARIANT(state.commit <= state.log.durable.lsn, "a primary holds what it commits");
  INVARIANT(state.commit == before.commit || state.config->isr.size() >= state.config->min_isr,
            "D3: with fewer than min_isr members nothing is committed");
  const Settings& settings = state.settings;
  INVARIANT(primacy.parked.size() <= settings.parked_requests &&
                primacy.parked_bytes <= settings.parked_bytes &&
                primacy.reads_waiting.size() <= settings.reads_waiting,
            "I16: queues have bounds");
}

}  // namespace

Watermarks watermarks(const State& state) {
  return {state.commit, state.applied, state.meta.epoch, state.meta.lineage,
          state.meta.config_version};
}

void check_invariants(const State& state, const Watermarks& before) {
  if (state.role == Role::kFailed || state.role == Role::kStarting) return;
  INVARIANT(state.commit >= before.commit && state.applied >= before.applied &&
                state.meta.epoch >= before.epoch && state.meta.lineage >= before.lineage &&
                state.meta.config_version >= before.config_version,
            "I6: commit, applied, epoch, version never fall");
  check_log(state);
  for (const Proposal& proposal : state.proposals)
    INVARIANT(proposal.version == state.config_version, "what can be stored is of this version");
  if (state.role == Role::kPrimary) check_primary(state, before);
}

}  // namespace everpost::cluster::replication
