#include "cluster/replication/disk.h"

#include "cluster/replication/backup.h"
#include "cluster/replication/primary.h"
#include "storage/log/record_codec.h"

namespace everpost::cluster::replication {
namespace {

std::uint64_t bytes_of(const LogRecord& record) { return record.header.end() - record.header.lsn; }

}  // namespace

void seed_headers(State& state) {
  storage::LogIdentity identity;
  identity.cluster = state.self.cluster;
  identity.shard = state.self.shard;
  identity.lineage = state.meta.lineage;
  state.header_seed = storage::header_seed(identity);
}

void take_contents(LogState& log, const LogContents& contents) {
  log.begin = contents.begin;
  log.end = log.written = log.durable = contents.end;
  log.table = contents.table;
  log.last_time = contents.last_time;
  log.hole = contents.hole;
  log.tail.clear();
  log.tail_bytes = 0;
}

void append_to_log(Context& c, LogRecordPtr record) {
  LogState& log = c.state.log;
  const storage::RecordHeader& header = record->header;
  INVARIANT(header.lsn == log.end.lsn && header.prev_crc == log.end.chain, "the chain holds");
  const Epoch last = log.epoch();
  INVARIANT(header.epoch >= last, "a log's epochs do not fall");
  if (header.epoch > last) log.table.push_back({header.epoch, log.end});
  log.end = end_of(*record);
  log.last_time = std::max(log.last_time, header.time);
  log.tail_bytes += bytes_of(*record);
  log.tail.push_back(std::move(record));
}

void drop_unwritten(Context& c) {
  LogState& log = c.state.log;
  while (!log.tail.empty() && log.tail.back()->header.lsn >= log.written.lsn) {
    log.tail_bytes -= bytes_of(*log.tail.back());
    log.tail.pop_back();
  }
  log.end = log.written;
  cut(log.table, log.end.lsn);
}

bool log_is_quiet(const LogState& log) {
  return !log.persisting && !log.truncating && log.durable == log.end;
}

std::optional<std::size_t> find_in_tail(const LogState& log, Lsn lsn) {
  if (lsn == log.end.lsn) return log.tail.size();
  if (log.tail.empty() || lsn < log.tail.front()->header.lsn) return std::nullopt;
  const auto at = std::ranges::lower_bound(
      log.tail, lsn, {}, [](const LogRecordPtr& record) { return record->header.lsn; });
  if (at == log.tail.end() || (*at)->header.lsn != lsn) return std::nullopt;
  return static_cast<std::size_t>(at - log.tail.begin());
}

void on(Context& c, const Persisted& event) {
  LogState& log = c.state.log;
  INVARIANT(log.persisting && event.end == log.written.lsn, "one Persist at a time");
  log.persisting = false;
  log.durable = log.written;
}

void on(Context& c, const Truncated& event) {
  LogState& log = c.state.log;
  INVARIANT(log.truncating, "a Truncate was asked for");
  const LogEnd at = *std::exchange(log.truncating, std::nullopt);
  if (event.same_chain) {
    log.end = log.written = log.durable = at;
    cut(log.table, log.end.lsn);
    log.tail.clear();
    log.tail_bytes = 0;
    log.last_time = event.last_time;
  }
  finish_cut(c, event.same_chain);
}

void on(Context& c, const MetaSaved&) {
  INVARIANT(c.state.saving, "a SaveMeta was asked for");
  c.state.saved = *std::exchange(c.state.saving, std::nullopt);
}

// Nobody knows what the disk holds, so this copy must not speak again; its last words let the
// others take over without waiting (D12).
void on(Context& c, const DiskFailed&) {
  if (c.state.role == Role::kPrimary) abdicate(c, "the disk has failed");
  c.fail(Fail::Why::kDisk);
}

void persist_next(Context& c) {
  LogState& log = c.state.log;
  if (log.persisting || log.truncating || log.written == log.end) return;
  Persist group;
  std::uint64_t bytes = 0;
  const auto first = find_in_tail(log, log.written.lsn);
  INVARIANT(first && *first < log.tail.size(), "what is not written is in memory");
  const Epoch epoch = log.tail[*first]->header.epoch;
  for (std::size_t i = *first; i < log.tail.size(); ++i) {
    const LogRecordPtr& record = log.tail[i];
    bytes += bytes_of(*record);
    const bool full = bytes > c.state.settings.group_bytes ||
                      group.records.size() == c.state.settings.group_records;
    if (!group.records.empty() && (full || record->header.epoch != epoch)) break;
    group.records.push_back(record);
  }
  log.written = end_of(*group.records.back());
  log.persisting = true;
  log.persist_began = c.now.steady;
  c.emit(std::move(group));
}

void save_meta(Context& c) {
  State& state = c.state;
  if (planted(Bug::kForgetEpoch)) state.saved.epoch = state.meta.epoch;
  if (state.saving || state.meta == state.saved) return;
  state.saving = state.meta;
  SaveMeta save{state.meta};
  if (planted(Bug::kForgetEpoch)) save.meta.epoch = Epoch{0};
  c.emit(save);
}

void tell_commit(Context& c) {
  State& state = c.state;
  const Lsn up_to = std::min(state.commit, state.log.durable.lsn);
  if (up_to <= state.commit_told) return;
  state.commit_told = up_to;
  c.emit(Commit{up_to});
}

void trim_tail(Context& c) {
  LogState& log = c.state.log;
  const bool sends = c.state.role == Role::kPrimary && !c.state.primacy.peers.empty();
  const std::uint64_t keep = sends ? c.state.settings.tail_bytes : 0;
  while (!log.tail.empty() && log.tail_bytes > keep &&
         log.tail.front()->header.end() <= log.durable.lsn) {
    log.tail_bytes -= bytes_of(*log.tail.front());
    log.tail.pop_front();
  }
}

}  // namespace everpost::cluster::replication
