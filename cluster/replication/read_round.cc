// The right to answer reads comes from the ISR (D1, R2): after a read has arrived, every copy that
// could have taken over confirms that it is still in this epoch. So at that moment nobody else had
// committed anything, and what this primary knew then is the newest there was.
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

void answer(Context& c, std::vector<WaitingRead>& reads, Lsn committed) {
  for (const WaitingRead& read : reads)
    c.emit(MayRead{read.request, std::max(committed, read.at_least)});
  reads.clear();
}

bool is_alone(const State& state) {
  return std::ranges::all_of(maximal_isr(state),
                             [&](const CopyId& copy) { return copy == state.self.copy; });
}

// Looked at when the answers are in, not when they were asked for: a copy that joined meanwhile has
// to confirm, too.
bool is_confirmed(const State& state) {
  for (const CopyId& copy : maximal_isr(state)) {
    if (copy == state.self.copy) continue;
    const auto found = state.primacy.peers.find(copy.node);
    if (found == state.primacy.peers.end() || found->second.copy != copy ||
        found->second.round < state.primacy.round ||
        (found->second.suspect && !planted(Bug::kCountSuspect)))
      return false;
  }
  return true;
}

}  // namespace

void on(Context& c, const Read& read) {
  State& state = c.state;
  if (state.role != Role::kPrimary) return c.emit(Refused{read.request, Refused::Why::kNotPrimary});
  Primacy& primacy = state.primacy;
  if (primacy.reads_waiting.size() >= state.settings.reads_waiting)
    return c.emit(Refused{read.request, Refused::Why::kBusy});
  const bool joins = planted(Bug::kLateReadJoins) && primacy.round_running;
  (joins ? primacy.reads_in_round : primacy.reads_waiting).push_back({read.request, read.at_least});
}

void continue_reads(Context& c) {
  State& state = c.state;
  Primacy& primacy = state.primacy;
  if (!primacy.open) return;
  if (primacy.round_running && is_confirmed(state)) {
    primacy.round_running = false;
    answer(c, primacy.reads_in_round, primacy.round_commit);
  }
  if (primacy.round_running || primacy.reads_waiting.empty()) return;
  // Nobody else can take over: there is nobody to ask.
  if (is_alone(state)) return answer(c, primacy.reads_waiting, state.commit);
  ++primacy.round;
  primacy.round_running = true;
  primacy.round_commit = state.commit;
  primacy.reads_in_round.swap(primacy.reads_waiting);
}

void refuse_reads(Context& c) {
  Primacy& primacy = c.state.primacy;
  for (const auto* reads : {&primacy.reads_in_round, &primacy.reads_waiting})
    for (const WaitingRead& read : *reads) c.emit(Refused{read.request, Refused::Why::kNotPrimary});
  primacy.reads_in_round.clear();
  primacy.reads_waiting.clear();
}

}  // namespace everpost::cluster::replication
