#include "cluster/shard/applier.h"

#include <chrono>

namespace everpost::cluster {
namespace {

void answer_all(const std::vector<CommittedRecord>& records, const Error& error) {
  for (const CommittedRecord& record : records)
    if (record.waiter) record.waiter->answer(error);
}

}  // namespace

Applier::Applier(storage::Replica& replica, std::shared_ptr<Watchers> watchers, Lsn singly_until,
                 std::function<void(Lsn)> applied, std::function<void(const Error&)> failed)
    : replica_(replica),
      watchers_(std::move(watchers)),
      singly_until_(singly_until),
      applied_(std::move(applied)),
      failed_(std::move(failed)),
      checkpoint_lsn_(replica.applied()),
      thread_([this] { run(); }) {}

Applier::~Applier() { stop(); }

void Applier::add(std::vector<CommittedRecord> records) {
  std::unique_lock lock(mutex_);
  if (broken_) {
    const Error error = *broken_;
    lock.unlock();
    return answer_all(records, error);
  }
  const bool was_empty = backlog_.empty();
  if (was_empty)
    backlog_ = std::move(records);
  else
    std::ranges::move(records, std::back_inserter(backlog_));
  backlog_size_ = backlog_.size();
  lock.unlock();  // or the applier would wake up only to wait for the mutex
  if (was_empty) wake_.notify_one();
}

void Applier::wait_for_room() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return stopping_ || broken_ || backlog_.size() < kBacklogMax; });
}

void Applier::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
    drained_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Applier::idle() const {
  const std::scoped_lock lock(mutex_);
  return backlog_.empty() && !busy_;
}

Applier::Stats Applier::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = stats_;
  stats.backlog = backlog_.size();
  return stats;
}

void Applier::run() {
  auto next_checkpoint = std::chrono::steady_clock::now() + kCheckpointEvery;
  for (;;) {
    std::vector<CommittedRecord> records;
    {
      std::unique_lock lock(mutex_);
      busy_ = false;
      wake_.wait_until(lock, next_checkpoint, [this] { return stopping_ || !backlog_.empty(); });
      if (stopping_ && backlog_.empty()) return;
      records.swap(backlog_);
      backlog_size_ = 0;
      busy_ = true;
      drained_.notify_all();
    }
    if (!records.empty())
      if (const auto applied = apply(std::move(records)); !applied) return fail(applied.error());
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_checkpoint || replica_.applied() - checkpoint_lsn_ >= kCheckpointBytes) {
      if (replica_.applied() != checkpoint_lsn_)
        if (const auto done = checkpoint(); !done) return fail(done.error());
      next_checkpoint = now + kCheckpointEvery;
    }
  }
}

// The thread ends with this: nobody may wait for it any more.
void Applier::fail(const Error& error) {
  std::vector<CommittedRecord> left;
  {
    const std::scoped_lock lock(mutex_);
    broken_ = error;
    left.swap(backlog_);
    drained_.notify_all();
  }
  answer_all(left, error);
  failed_(error);
}

Result<void> Applier::apply(std::vector<CommittedRecord> records) {
  const auto before = std::chrono::steady_clock::now();
  std::vector<storage::Record> views(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    views[i].header = records[i].header;
    views[i].bytes = records[i].meta;
    views[i].meta = as_bytes(*records[i].meta);
  }
  auto applied = apply(views);
  if (!applied) {
    answer_all(records, applied.error());
    return applied.error();
  }
  // Watchers first: whoever has its answer finds the others told already.
  for (const storage::Applied& one : *applied)
    if (!one.touched.empty() || !one.accounts.empty() || one.queue_changed)
      watchers_->notify(one.touched, one.accounts, one.queue_changed);
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - before);
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.batches;
    stats_.records += records.size();
    stats_.apply_micros += static_cast<std::uint64_t>(spent.count());
  }
  for (std::size_t i = 0; i < records.size(); ++i)
    if (records[i].waiter)
      records[i].waiter->answer(Committed{records[i].header, std::move((*applied)[i])});
  applied_(records.back().header.end());
  return {};
}

Result<std::vector<storage::Applied>> Applier::apply(std::span<const storage::Record> records) {
  if (records.front().header.lsn >= singly_until_) return replica_.apply(records);
  std::vector<storage::Applied> all;
  for (const storage::Record& record : records) {
    ASSIGN_OR_RETURN(auto one, replica_.apply(std::span(&record, 1)));
    std::ranges::move(one, std::back_inserter(all));
  }
  return all;
}

Result<void> Applier::checkpoint() {
  ASSIGN_OR_RETURN(checkpoint_lsn_, replica_.checkpoint());
  const std::scoped_lock lock(mutex_);
  ++stats_.checkpoints;
  return {};
}

}  // namespace everpost::cluster
