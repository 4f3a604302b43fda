#include "cluster/shard/group_commit.h"

#include <algorithm>
#include <chrono>

namespace everpost::cluster {

GroupCommit::GroupCommit(storage::Log& log, Epoch epoch, WallTime last_time,
                         WaitingBytes& node_bytes, Callbacks callbacks)
    : log_(log),
      epoch_(epoch),
      node_bytes_(node_bytes),
      callbacks_(std::move(callbacks)),
      last_time_(last_time),
      thread_([this] { run(); }) {}

GroupCommit::~GroupCommit() { stop(); }

void GroupCommit::propose(Proposal proposal) {
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t bytes = proposal.bytes();
    if (!stopping_ && waiting_.size() < kWaitingMax && waiting_bytes_ + bytes <= kWaitingBytesMax &&
        node_bytes_.take(bytes)) {
      waiting_bytes_ += bytes;
      waiting_.push_back(std::move(proposal));
      const bool first = waiting_.size() == 1;
      lock.unlock();  // or the log's thread would wake up only to wait for the mutex
      if (first) wake_.notify_one();
      return;
    }
    if (stopping_) {
      proposal.waiter->answer(Error{ErrorCode::kUnavailable, "the shard is stopping"});
      return;
    }
  }
  proposal.waiter->answer(
      Error{ErrorCode::kBusy, "too many changes are waiting for the shard's log"});
}

void GroupCommit::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

GroupCommit::Stats GroupCommit::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = stats_;
  stats.waiting = waiting_.size();
  return stats;
}

// The next group, empty at the end. What was accepted before stop() is still committed.
std::vector<Proposal> GroupCommit::next_group() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  std::vector<Proposal> group;
  std::uint64_t bytes = 0;
  while (!waiting_.empty() && group.size() < kGroupRecordsMax) {
    // Headers and padding are part of what a group writes (docs/formats/log.md).
    const std::uint64_t more = waiting_.front().bytes() + 80;
    if (!group.empty() && bytes + more > kGroupBytesMax) break;
    bytes += more;
    waiting_bytes_ -= waiting_.front().bytes();
    node_bytes_.give(waiting_.front().bytes());
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return group;
}

void GroupCommit::run() {
  for (;;) {
    auto group = next_group();
    if (group.empty() || !commit(std::move(group))) break;
  }
  // Only after a failed write is anything left here.
  std::vector<Proposal> left;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    left.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    node_bytes_.give(std::exchange(waiting_bytes_, 0));
  }
  refuse(std::move(left), Error{ErrorCode::kUnavailable, "the shard's log has failed"});
}

// A record's time: the one asked for, unless the log has a later one.
WallTime GroupCommit::next_time(WallTime wanted) {
  last_time_ = std::max(wanted, WallTime{last_time_.micros + 1});
  return last_time_;
}

// Returns false when the log is broken.
bool GroupCommit::commit(std::vector<Proposal> group) {
  std::vector<storage::NewRecord> records;
  std::vector<CommittedRecord> committed(group.size());
  records.reserve(group.size());
  for (Proposal& proposal : group) {
    records.push_back(std::move(proposal.record));
    records.back().time = next_time(records.back().time);
  }

  const auto headers = log_.append(epoch_, log_.durable(), records);
  if (!headers) {
    refuse(std::move(group), headers.error());
    // A full disk or a record that is too large left the log as it was.
    if (headers.error().code == ErrorCode::kNoSpace ||
        headers.error().code == ErrorCode::kInvalidArgument)
      return true;
    callbacks_.failed(headers.error());
    return false;
  }
  const auto before = std::chrono::steady_clock::now();
  const auto durable = log_.sync();
  if (!durable) {
    refuse(std::move(group), durable.error());
    callbacks_.failed(durable.error());
    return false;
  }
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - before);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    bytes += (*headers)[i].end() - (*headers)[i].lsn;
    committed[i] = {(*headers)[i], share(std::move(records[i].meta)), std::move(group[i].waiter)};
  }
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.groups;
    stats_.records += group.size();
    stats_.bytes += bytes;
    stats_.sync_micros += static_cast<std::uint64_t>(spent.count());
  }
  callbacks_.committed(*durable, std::move(committed));
  return true;
}

void GroupCommit::refuse(std::vector<Proposal> group, const Error& error) {
  for (Proposal& proposal : group) proposal.waiter->answer(error);
}

}  // namespace everpost::cluster
