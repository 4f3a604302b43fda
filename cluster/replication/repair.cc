#include "cluster/replication/repair.h"

#include "cluster/replication/disk.h"

namespace everpost::cluster::replication {

void continue_repair(Context& c) {
  State& state = c.state;
  if (!state.log.hole || state.mending || !state.config || state.role == Role::kFailed) return;
  if (c.now.steady - state.fetched < state.settings.fetch_every) return;
  state.fetched = c.now.steady;
  for (const NodeId node : state.config->replicas)
    if (node != state.self.copy.node)
      c.send(node, FetchRange{state.log.hole->from.lsn, state.log.hole->to.lsn});
}

void on(Context& c, const Message& from, const FetchRange& request) {
  const LogState& log = c.state.log;
  if (c.state.role == Role::kStarting || from.lineage != c.state.meta.lineage) return;
  if (log.hole || log.truncating || request.from >= request.to) return;
  if (request.from < log.begin || request.to > log.durable.lsn) return;
  const std::uint64_t bytes = std::min(request.to - request.from, c.state.settings.window_bytes);
  c.emit(ReadLog{from.from.node, ReadPurpose::kRange, request.from, request.to, bytes});
}

// Another copy's log may differ in what was never committed. What fits between the record before
// the hole and the one behind it is what was there (the chain covers contents, too).
void on(Context& c, const Message&, const Range& range) {
  State& state = c.state;
  if (!state.log.hole || state.mending || range.from != state.log.hole->from.lsn) return;
  LogEnd at = state.log.hole->from;
  for (const LogRecordPtr& record : range.records) {
    if (record->header.lsn != at.lsn || record->header.prev_crc != at.chain) return;
    at = end_of(*record);
  }
  if (at != state.log.hole->to) return;
  state.mending = true;
  c.emit(Mend{range.records});
}

void on(Context& c, const Mended& event) {
  State& state = c.state;
  state.mending = false;
  if (!event.ok) return;
  take_contents(state.log, event.log);
  state.commit = std::max(state.commit, event.log.commit);
  c.note("the damaged part of the log was fetched from another copy");
}

}  // namespace everpost::cluster::replication
