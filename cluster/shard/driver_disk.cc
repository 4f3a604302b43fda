// The driver's thread: everything that may block on the disk, one thing at a time.
#include "base/log.h"
#include "cluster/shard/driver.h"
#include "storage/log/record_codec.h"

namespace everpost::cluster {

using namespace replication;

namespace {

constexpr std::uint64_t kReadBackBytes = 4 << 20;  // handed over at once
constexpr auto kSpaceRetry = std::chrono::seconds{1};

}  // namespace

void Driver::tell(const Event& event) {
  const std::scoped_lock lock(mutex_);
  happen(event);
}

void Driver::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto drained = [&] { return waiting_.empty() && parked_.empty(); };
    wake_.wait(lock, [&] { return failure_ || !jobs_.empty() || (stopping_ && drained()); });
    if (failure_ || (jobs_.empty() && stopping_)) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    const auto done = std::visit([this](auto& one) { return work(one); }, job);
    lock.lock();
    if (!done && done.error().code == ErrorCode::kNoSpace && stopping_) {
      // Nothing was written: the replica can be closed as it is.
      lock.unlock();
      return answer_left(done.error());
    }
    if (!done) {
      if (!failure_) failure_ = done.error();
      happen(DiskFailed{});
    }
  }
  if (!failure_) return;
  const Error error = *failure_;
  lock.unlock();
  give_up(error);
}

void Driver::give_up(const Error& error) {
  answer_left(error);
  callbacks_.failed(error);
}

// Nobody is left waiting.
void Driver::answer_left(const Error& error) {
  std::vector<Change> left;
  std::vector<Mending> mendings;
  std::vector<std::shared_ptr<ReadWaiter>> reads;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [request, change] : std::exchange(parked_, {})) left.push_back(std::move(change));
    for (Change& change : std::exchange(waiting_, {})) left.push_back(std::move(change));
    for (const Change& change : left) release(change.bytes);
    for (auto& [request, read] : std::exchange(reads_, {})) reads.push_back(std::move(read));
    for (auto& [lsn, read] : std::exchange(confirmed_reads_, {})) reads.push_back(read);
    for (Job& job : jobs_)
      if (auto* mending = std::get_if<Mending>(&job)) mendings.push_back(std::move(*mending));
    changed_.notify_all();
  }
  for (const Mending& mending : mendings) mending.done(error);
  for (const Change& change : left) change.waiter->fail(error);
  for (const auto& read : reads) read->fail(error);
}

// Without space for a segment nothing was written; the records have their place and wait for it.
Result<void> Driver::append(std::span<const storage::PlacedRecord> records) {
  storage::Log& log = options_.replica->log();
  for (bool told = false;;) {
    auto written = log.append_placed(records);
    std::unique_lock lock(mutex_);
    no_space_ = !written && written.error().code == ErrorCode::kNoSpace;
    if (!no_space_) return written;
    if (!std::exchange(told, true))
      log::error("no space for the log: free some, the shard goes on by itself then",
                 {{"shard", shard()}, {"error", to_string(written.error())}});
    wake_.wait_for(lock, kSpaceRetry, [this] { return stopping_ || failure_; });
    if (stopping_ || failure_) return written;
  }
}

Result<void> Driver::work(Persist& job) {
  std::vector<storage::PlacedRecord> placed;
  placed.reserve(job.records.size());
  for (const LogRecordPtr& record : job.records)
    placed.push_back({record->header, record->meta, record->body});
  RETURN_IF_ERROR(append(placed));
  const auto before = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const Lsn durable, options_.replica->log().sync());
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - before);
  bool follows = false;
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.groups;
    stats_.records += placed.size();
    stats_.bytes += placed.back().header.end() - placed.front().header.lsn;
    stats_.sync_micros += static_cast<std::uint64_t>(spent.count());
    happen(Persisted{durable});
    follows = core_.role != Role::kPrimary;
  }
  // The hint comes second: nothing waits for it.
  options_.replica->note_durable(durable);
  // A primary takes no more than it can apply; a backup takes what comes, and slows the stream down
  // by acknowledging later.
  if (follows) callbacks_.wait_for_room();
  return {};
}

Result<void> Driver::work(Truncate& job) {
  storage::Log& log = options_.replica->log();
  bool same_chain = true;
  if (job.at.lsn < log.end()) {
    ASSIGN_OR_RETURN(const storage::Record record, log.read_record(job.at.lsn));
    same_chain = record.header.prev_crc == job.at.chain;
  }
  if (same_chain) {
    options_.replica->note_durable(job.at.lsn);
    RETURN_IF_ERROR(log.truncate(job.at.lsn));
  }
  const std::scoped_lock lock(mutex_);
  while (same_chain && !uncommitted_.empty() && uncommitted_.back()->header.lsn >= job.at.lsn)
    uncommitted_.pop_back();
  happen(Truncated{same_chain, log.tail().time});
  return {};
}

Result<void> Driver::work(SaveMeta& job) {
  storage::ReplicaReign reign;
  reign.epoch = job.meta.epoch;
  reign.config_version = job.meta.config_version;
  reign.fence_version = job.meta.fence_version;
  reign.fence_epoch = job.meta.fence_epoch;
  reign.suspect = job.meta.suspect;
  RETURN_IF_ERROR(options_.replica->set_reign(reign));
  tell(MetaSaved{});
  return {};
}

Result<void> Driver::work(ReadLog& job) {
  LogWasRead read{job.peer, job.purpose, job.from, {}};
  std::uint64_t bytes = 0;
  const auto scanned = options_.replica->log().scan(
      job.from, job.to, [&](const storage::Record& record) -> Result<bool> {
        // It cannot be sent as it was; the peer has to be made anew.
        if (record.freed)
          return Error{ErrorCode::kNotFound, "the body of the record at lsn " +
                                                 to_string(record.header.lsn) +
                                                 " was given back: a copy that needs it has to be "
                                                 "seeded"};
        auto copy = std::make_shared<LogRecord>();
        copy->header = record.header;
        copy->meta = as_text(record.meta);
        if (!record.body.empty()) copy->body.push_back(share(std::string(as_text(record.body))));
        read.records.push_back(std::move(copy));
        bytes += record.header.end() - record.header.lsn;
        return bytes < job.bytes;
      });
  // A part that cannot be read concerns the one who asked for it only, who asks again later.
  if (!scanned) {
    log::error("a part of the log cannot be read",
               {{"shard", shard()}, {"error", to_string(scanned.error())}});
    if (scanned.error().code == ErrorCode::kCorrupt) callbacks_.damaged();
  }
  tell(read);
  return {};
}

// Records that another copy sent for the hole of this log; the core has seen that they fit.
Result<void> Driver::work(Mend& job) {
  storage::Log& log = options_.replica->log();
  std::string bytes;
  for (const LogRecordPtr& record : job.records)
    storage::append_record(bytes, {record->header, record->meta, record->body},
                           storage::header_seed(log.identity()));
  const auto mended = log.mend(job.records.front()->header.lsn, as_bytes(bytes));
  if (!mended && mended.error().code == ErrorCode::kIo) return mended;
  tell(Mended{mended.has_value(), contents_of(log, core_.commit)});
  return {};
}

// A failure leaves the log as it was, or has broken it: then the next write says so.
Result<void> Driver::work(Mending& job) {
  const auto done = options_.replica->log().mend(job.at, as_bytes(job.bytes));
  {
    const std::scoped_lock lock(mutex_);
    --mendings_;
  }
  if (done)
    log::info("a damaged part of the log was mended from another copy",
              {{"shard", shard()}, {"lsn", job.at}, {"bytes", job.bytes.size()}});
  else
    log::error("a damaged part of the log could not be mended",
               {{"shard", shard()}, {"lsn", job.at}, {"error", to_string(done.error())}});
  job.done(done);
  return {};
}

Result<void> Driver::work(ReadBack& job) {
  std::vector<CommittedRecord> records;
  std::uint64_t bytes = 0;
  const auto flush = [&] {
    callbacks_.wait_for_room();
    if (!records.empty()) callbacks_.committed(std::exchange(records, {}));
    bytes = 0;
  };
  RETURN_IF_ERROR(options_.replica->log().scan(
      job.from, job.to, [&](const storage::Record& record) -> Result<bool> {
        records.push_back({record.header, share(std::string(as_text(record.meta))), nullptr});
        bytes += record.meta.size() + sizeof(CommittedRecord);
        if (bytes >= kReadBackBytes) flush();
        return true;
      }));
  flush();
  const std::scoped_lock lock(mutex_);
  handed_over_ = job.to;
  reading_back_ = false;
  hand_over(core_.commit_told);
  return {};
}

}  // namespace everpost::cluster
