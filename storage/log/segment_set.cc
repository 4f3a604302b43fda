#include "storage/log/segment_set.h"

#include <algorithm>

namespace everpost::storage {

SegmentSet::SegmentSet(Env& env, std::string folder, std::size_t open_files_max)
    : env_(env),
      folder_(std::move(folder)),
      open_files_max_(std::max<std::size_t>(open_files_max, 1)) {}

void SegmentSet::add(const SegmentHeader& header, std::shared_ptr<File> file) {
  const std::scoped_lock lock(mutex_);
  Entry& entry = entries_[header.base()];
  if (entry.file) recent_.erase(entry.recent);
  entry.file = nullptr;
  if (entry.header.epoch != header.epoch) entry.punched = std::make_shared<PunchMap>();
  entry.header = header;
  if (file) keep_open(entry, std::move(file));
}

void SegmentSet::remove(Lsn base) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(base);
  if (found == entries_.end()) return;
  if (found->second.file) recent_.erase(found->second.recent);
  entries_.erase(found);
}

void SegmentSet::set_punched(Lsn base, PunchMapPtr punched) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(base);
  if (found != entries_.end()) found->second.punched = std::move(punched);
}

bool SegmentSet::punched(Lsn at, std::uint64_t bytes) const {
  const std::scoped_lock lock(mutex_);
  const auto above = entries_.upper_bound(at);
  if (above == entries_.begin()) return true;
  return std::prev(above)->second.punched->touches(at, bytes);
}

Lsn SegmentSet::begin() const {
  const std::scoped_lock lock(mutex_);
  return entries_.empty() ? end() : entries_.begin()->first;
}

void SegmentSet::keep_open(Entry& entry, std::shared_ptr<File> file) {
  if (recent_.size() >= open_files_max_) {
    entries_.at(recent_.back()).file = nullptr;  // closed when its last reader has finished
    recent_.pop_back();
  }
  recent_.push_front(entry.header.base());
  entry.recent = recent_.begin();
  entry.file = std::move(file);
}

Lsn SegmentSet::end_of(Entries::const_iterator entry) const {
  const auto next = std::next(entry);
  return next == entries_.end() ? end() : std::min(next->first, end());
}

Result<SegmentSet::Segment> SegmentSet::find(Lsn lsn) {
  const auto outside = [&] {
    return Error{ErrorCode::kNotFound, "lsn " + to_string(lsn) + " is not in the log " + folder_};
  };
  const std::uint64_t cuts = cuts_;
  Segment segment;
  {
    const std::scoped_lock lock(mutex_);
    const auto above = entries_.upper_bound(lsn);
    if (above == entries_.begin() || lsn >= end()) return outside();
    const auto found = std::prev(above);
    segment = {found->second.header, end_of(found), found->second.file, cuts,
               found->second.punched};
    if (segment.file) {
      recent_.splice(recent_.begin(), recent_, found->second.recent);
      return segment;
    }
  }
  // Opened without the lock: other readers do not wait for a slow disk.
  ASSIGN_OR_RETURN(segment.file, env_.open(path_of(segment.header), Env::Open::kRead));
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(segment.header.base());
  if (found != entries_.end() && found->second.header.epoch == segment.header.epoch &&
      !found->second.file)
    keep_open(found->second, segment.file);
  return segment;
}

std::vector<SegmentSet::Segment> SegmentSet::list() const {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t cuts = cuts_;
  std::vector<Segment> segments;
  for (auto at = entries_.begin(); at != entries_.end(); ++at)
    segments.push_back({at->second.header, end_of(at), nullptr, cuts, at->second.punched});
  return segments;
}

}  // namespace everpost::storage
