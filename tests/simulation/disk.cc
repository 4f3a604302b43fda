#include "tests/simulation/disk.h"

#include <algorithm>

#include "cluster/replication/mutation.h"
#include "tests/simulation/failure.h"

namespace everpost::simulation {

LogEnd Disk::end() const { return records_.empty() ? LogEnd{} : end_of(*records_.back()); }
LogEnd Disk::durable_end() const {
  return durable_ == 0 ? LogEnd{} : end_of(*records_[durable_ - 1]);
}

std::optional<std::size_t> Disk::find(Lsn lsn) const {
  if (lsn == end().lsn) return records_.size();
  const auto at = std::ranges::lower_bound(
      records_, lsn, {}, [](const LogRecordPtr& record) { return record->header.lsn; });
  if (at == records_.end() || (*at)->header.lsn != lsn) return std::nullopt;
  return static_cast<std::size_t>(at - records_.begin());
}

void Disk::begin_persist(const std::vector<LogRecordPtr>& records) {
  require(!writing_, "driver", "one Persist at a time");
  require(records.front()->header.lsn == end().lsn, "driver", "Persist at the end of the log");
  writing_ = records_.size();
  records_.insert(records_.end(), records.begin(), records.end());
}
void Disk::finish_persist() {
  durable_ = records_.size();
  writing_.reset();
}
void Disk::fail_persist() {
  if (!phantom_) phantom_ = writing_;
  writing_.reset();
}

bool Disk::truncate(const LogEnd& at) {
  require(!writing_, "driver", "Truncate beside a Persist");
  const auto found = find(at.lsn);
  if (!found) return false;
  const std::uint32_t chain = *found == 0 ? 0 : records_[*found - 1]->header.crc;
  if (chain != at.chain) return false;
  records_.resize(*found);
  durable_ = records_.size();
  if (phantom_ && *phantom_ >= records_.size()) phantom_.reset();
  if (damaged_ && *damaged_ >= records_.size()) damaged_.reset();
  return true;
}

void Disk::finish_save() {
  meta_before_ = std::exchange(meta_, *saving_);
  saving_.reset();
}

std::vector<LogRecordPtr> Disk::read(Lsn from, Lsn to, std::uint64_t bytes) const {
  std::vector<LogRecordPtr> found;
  const auto first = find(from);
  if (!first) return found;
  std::uint64_t sum = 0;
  for (std::size_t i = *first; i < records_.size(); ++i) {
    const storage::RecordHeader& header = records_[i]->header;
    if (header.end() > to || (damaged_ && *damaged_ == i)) break;
    sum += header.end() - header.lsn;
    if (!found.empty() && sum > bytes) break;
    found.push_back(records_[i]);
  }
  return found;
}

bool Disk::mend(const std::vector<LogRecordPtr>& records) {
  if (!damaged_) return false;
  require(records.size() == 1 && records[0]->header.lsn == records_[*damaged_]->header.lsn &&
              records[0]->header.crc == records_[*damaged_]->header.crc,
          "H27", "a hole is filled with what was there");
  records_[*damaged_] = records[0];
  damaged_.reset();
  return true;
}

void Disk::crash_process() {
  // A write that was interrupted has got some way. What was written and not synced stays in the
  // page cache, and the next process makes it durable.
  if (writing_) records_.resize(rng_->between(*writing_, records_.size()));
  writing_.reset();
  if (saving_ && rng_->chance(0.5)) meta_ = *saving_;
  saving_.reset();
  durable_ = std::min(durable_, records_.size());
}

void Disk::lose_power(std::size_t lie) {
  crash_process();
  std::size_t kept = rng_->between(durable_, records_.size());
  if (lie > 0) kept = durable_ - std::min(lie, durable_);
  if (lie > 0 && rng_->chance(0.5)) {
    // The meta file was lied about as well.
    const bool suspect = meta_.suspect;
    meta_ = meta_before_;
    meta_.suspect |= suspect;
  }
  if (phantom_) kept = std::min(kept, *phantom_);
  phantom_.reset();
  records_.resize(kept);
  durable_ = kept;
  if (damaged_ && *damaged_ >= kept) damaged_.reset();
  power_lost_ = true;
}

void Disk::damage(std::size_t record) { damaged_ = record; }

LogContents Disk::contents() const {
  LogContents log;
  log.end = end();
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const storage::RecordHeader& header = records_[i]->header;
    if (damaged_ && *damaged_ == i) {
      log.hole = Hole{{header.lsn, header.prev_crc}, end_of(*records_[i])};
      // Its epoch is known by the name of its segment, the rest is not.
    }
    if (log.table.empty() || log.table.back().epoch < header.epoch)
      log.table.push_back({header.epoch, {header.lsn, header.prev_crc}});
    if (!damaged_ || *damaged_ != i) log.commit = std::max(log.commit, header.commit);
    log.last_time = std::max(log.last_time, header.time);
  }
  log.commit = std::min(log.commit, log.end.lsn);
  return log;
}

Disk::Recovered Disk::recover() {
  if (damaged_ && *damaged_ + 1 >= records_.size()) {
    // Nothing behind it tells a bad record from a torn one: the end is ambiguous (H27).
    records_.resize(*damaged_);
    durable_ = records_.size();
    damaged_.reset();
    power_lost_ = true;
  }
  if (damaged_ && planted(Bug::kTruncateOnMidCrc)) {
    records_.resize(*damaged_);
    damaged_.reset();
  }
  phantom_.reset();
  durable_ =
      records_.size();  // copied forward and synced before anything is acknowledged from it (D12)
  if (power_lost_) meta_.suspect = true;
  power_lost_ = false;
  return {meta_, contents()};
}

}  // namespace everpost::simulation
