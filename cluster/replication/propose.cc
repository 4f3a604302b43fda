#include "cluster/replication/disk.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

std::uint64_t bytes_of(const Propose& proposal) {
  return proposal.record.meta.size() + proposal.record.body_bytes() + storage::kRecordHeaderBytes;
}

// New changes wait while the reign begins, and while it is being handed over.
bool admitting(const State& state) { return state.primacy.open && !state.primacy.transfer; }

void append(Context& c, Propose&& proposal) {
  State& state = c.state;
  if (state.log.end.lsn - state.commit >= state.settings.uncommitted_bytes)
    return c.emit(Refused{proposal.request, Refused::Why::kBusy});
  storage::NewRecord& record = proposal.record;
  // H45: a log's times do not run backwards, whatever a clock does.
  record.time = std::max(record.time, WallTime{state.log.last_time.micros + 1});
  const Lsn at = state.log.end.lsn;
  append_to_log(c, lay_out(std::move(record), state.log.end, state.meta.epoch, state.commit,
                           state.header_seed));
  c.emit(Accepted{proposal.request, at, state.log.end.lsn});
}

}  // namespace

void on(Context& c, Propose&& proposal) {
  State& state = c.state;
  if (state.role != Role::kPrimary)
    return c.emit(Refused{proposal.request, Refused::Why::kNotPrimary});
  if (admitting(state)) return append(c, std::move(proposal));
  Primacy& primacy = state.primacy;
  const std::uint64_t bytes = bytes_of(proposal);
  if (primacy.parked.size() >= state.settings.parked_requests ||
      primacy.parked_bytes + bytes > state.settings.parked_bytes)
    return c.emit(Refused{proposal.request, Refused::Why::kBusy});
  primacy.parked_bytes += bytes;
  primacy.parked.push_back(std::move(proposal));
}

void admit_parked(Context& c) {
  if (!admitting(c.state)) return;
  Primacy& primacy = c.state.primacy;
  for (Propose& proposal : std::exchange(primacy.parked, {})) append(c, std::move(proposal));
  primacy.parked_bytes = 0;
}

void refuse_parked(Context& c) {
  Primacy& primacy = c.state.primacy;
  for (const Propose& proposal : std::exchange(primacy.parked, {}))
    c.emit(Refused{proposal.request, Refused::Why::kNotPrimary});
  primacy.parked_bytes = 0;
}

}  // namespace everpost::cluster::replication
