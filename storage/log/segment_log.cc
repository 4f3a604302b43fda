#include "storage/log/segment_log.h"

#include "storage/log/record_codec.h"
#include "storage/log/recovery.h"

namespace everpost::storage {

Result<std::unique_ptr<Log>> Log::open(Env& env, LogOptions options, const Start& start,
                                       LogRecovery& recovery) {
  ASSIGN_OR_RETURN(auto log, SegmentLog::open(env, std::move(options), start, recovery));
  return std::unique_ptr<Log>(std::move(log));
}

SegmentLog::SegmentLog(Env& env, LogOptions options)
    : env_(env),
      options_(std::move(options)),
      seed_(header_seed(options_.identity)),
      segments_(env, options_.folder, options_.open_files_max),
      ready_(env, options_.folder, options_.segment_bytes),
      writer_(options_.direct_bytes_min) {}

Result<std::unique_ptr<SegmentLog>> SegmentLog::open(Env& env, LogOptions options,
                                                     const Start& start, LogRecovery& recovery) {
  if (options.segment_bytes < kSegmentHeaderBytes + options.group_bytes_max ||
      options.group_bytes_max < kRecordHeaderBytes)
    return Error{ErrorCode::kInvalidArgument, "a segment must hold at least one group of records"};
  RETURN_IF_ERROR(env.make_folder(options.folder));
  ASSIGN_OR_RETURN(Inspection inspection, inspect(env, options, start));
  std::unique_ptr<SegmentLog> log(new SegmentLog(env, std::move(options)));
  RETURN_IF_ERROR(repair(env, log->options_, start, log->ready_, inspection));
  recovery = inspection.found;
  RETURN_IF_ERROR(log->resume(std::move(inspection)));
  return log;
}

// Goes on where recovery found the end, in the last segment.
Result<void> SegmentLog::resume(Inspection inspection) {
  // The folder itself may be new; what recovery renamed is not durable in it yet, and what it found
  // may not be either (hazard H32).
  RETURN_IF_ERROR(env_.sync_folder(parent_folder(options_.folder)));
  RETURN_IF_ERROR(env_.sync_folder(options_.folder));
  set_tail(inspection.tail);
  for (const SegmentHeader& header : inspection.segments) {
    segments_.add(header);
    segments_.set_punched(
        header.base(), std::make_shared<PunchMap>(std::move(inspection.punched.at(header.base()))));
  }
  segments_.set_end(tail_.end);
  if (!inspection.segments.empty()) {
    const SegmentHeader& last = inspection.segments.back();
    ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                     env_.open(segments_.path_of(last), Env::Open::kWrite));
    RETURN_IF_ERROR(activate(last, std::move(file)));
  }
  set_durable(tail_.end);
  ready_.prepare();
  return {};
}

void SegmentLog::set_tail(const LogTail& tail) {
  tail_ = tail;
  last_time_.store(tail.time.micros, std::memory_order_release);
}

// Makes `file` the one that is written to, from tail_ on, and syncs it.
Result<void> SegmentLog::activate(const SegmentHeader& header, std::shared_ptr<File> file) {
  Active active{header, file, header.base() + (options_.segment_bytes - kSegmentHeaderBytes)};
  // It is allocated already, unless somebody copied it or a truncation cut it.
  const Result<void> allocated = file->allocate(0, options_.segment_bytes);
  if (!allocated && allocated.error().code != ErrorCode::kNoSpace) return allocated.error();
  // Without the space, or with a smaller bound on groups, the next record starts a new segment.
  if (!allocated || header.group_bytes_max < options_.group_bytes_max) active.limit = tail_.end;
  RETURN_IF_ERROR(file->sync());
  segments_.add(header, std::move(file));
  active_ = std::move(active);
  return {};
}

Error SegmentLog::poison(Error error) {
  const std::scoped_lock lock(broken_mutex_);
  if (!broken_) broken_by_ = error.context;
  broken_ = true;
  error.code = ErrorCode::kIo;
  return error;
}

Result<void> SegmentLog::usable() const {
  if (!broken_) [[likely]]
    return {};
  const std::scoped_lock lock(broken_mutex_);
  return Error{ErrorCode::kIo, "the log " + options_.folder + " failed before: " + broken_by_};
}

// Begins a segment at the end of the log. In this order: the records of the old one are durable,
// then the new file with its header, then its name (D15, hazard H32). A segment that got no record
// is replaced, and gone for good before this one gets any: no crash leaves two that hold something.
Result<void> SegmentLog::start_segment(Epoch epoch) {
  RETURN_IF_ERROR(sync());
  auto file = ready_.take();
  if (!file) {
    if (file.error().code == ErrorCode::kIo) return poison(std::move(file).error());
    return in_context("starting a segment of the log " + options_.folder, std::move(file).error());
  }
  const SegmentHeader header{.flags = 0,
                             .identity = options_.identity,
                             .epoch = epoch,
                             .start = tail_,
                             .group_bytes_max = options_.group_bytes_max};
  const std::string path = segments_.path_of(header);
  const auto bytes = encode_segment_header(header);
  const auto begin = [&]() -> Result<void> {
    RETURN_IF_ERROR((*file)->write(0, Bytes(bytes)));
    RETURN_IF_ERROR((*file)->sync());
    RETURN_IF_ERROR(env_.rename(ready_.path(), path));
    return env_.sync_folder(options_.folder);
  };
  if (auto begun = begin(); !begun) return poison(std::move(begun).error());

  const std::optional<Active> old = std::exchange(
      active_, Active{header, *file, tail_.end + (options_.segment_bytes - kSegmentHeaderBytes)});
  // Of the same epoch it had the same name, and the new one has taken its place.
  const bool old_is_empty = old && old->header.base() == tail_.end && old->header.epoch != epoch;
  if (old_is_empty)
    if (auto removed = remove_segment(old->header); !removed)
      return poison(std::move(removed).error());
  segments_.add(header, *file);
  ready_.prepare([old, old_is_empty, end = tail_.end] {
    // The space behind the last record of a full segment; recovery does not mind if it stays.
    if (old && !old_is_empty) (void)old->file->truncate(old->header.offset_of(end));
  });
  return {};
}

Result<void> SegmentLog::remove_segment(const SegmentHeader& header) {
  RETURN_IF_ERROR(env_.remove(segments_.path_of(header)));
  return env_.sync_folder(options_.folder);
}

// Records alone fence. A segment without any was begun for an epoch whose records never came, or
// were cut: the next primary's log need not hold that epoch, and may go on with an older one.
Result<void> SegmentLog::check_epoch(Epoch epoch) const {
  if (!active_ || epoch >= active_->header.epoch) return {};
  const std::vector<EpochBegin> held = epochs();
  if (held.empty() || epoch >= held.back().epoch) return {};
  return Error{ErrorCode::kFenced, "epoch " + to_string(epoch) + " after a record of epoch " +
                                       to_string(held.back().epoch) + " in the log " +
                                       options_.folder};
}

std::vector<Log::EpochBegin> SegmentLog::epochs() const {
  std::vector<EpochBegin> epochs;
  for (const auto& segment : segments_.list()) {
    const SegmentHeader& header = segment.header;
    const bool empty = header.base() == tail_.end;
    if (!empty && (epochs.empty() || epochs.back().epoch < header.epoch))
      epochs.push_back({header.epoch, header.base(), header.start.crc});
  }
  return epochs;
}

Result<Lsn> SegmentLog::sync() {
  RETURN_IF_ERROR(usable());
  if (durable() == tail_.end) return tail_.end;
  if (auto synced = active_->file->sync(); !synced)
    return poison(in_context("sync up to lsn " + to_string(tail_.end), std::move(synced).error()));
  ++syncs_;
  set_durable(tail_.end);
  return tail_.end;
}

Result<void> SegmentLog::roll(Epoch epoch) {
  RETURN_IF_ERROR(usable());
  RETURN_IF_ERROR(check_epoch(epoch));
  const bool begun =
      active_ && active_->header.epoch == epoch && active_->header.base() == tail_.end;
  return begun ? Result<void>{} : start_segment(epoch);
}

// What the log's tail would be if it ended at `lsn`, and the segment that would be written to then.
Result<LogTail> SegmentLog::tail_before(Lsn lsn, SegmentHeader& holder) const {
  const auto all = segments_.list();
  // At a segment's base the log goes on in the segment before, if there is one.
  std::size_t i = all.size() - 1;
  while (i > 0 && all[i].header.base() >= lsn) --i;
  holder = all[i].header;
  if (i + 1 < all.size() && all[i + 1].header.base() == lsn) return all[i + 1].header.start;
  if (lsn == holder.base()) return holder.start;
  ASSIGN_OR_RETURN(const auto segment, segments_.find(holder.base()));
  SegmentScanner scanner(*segment.file, holder, *segment.punched, holder.base(), segment.end);
  while (scanner.at() < lsn) {
    ASSIGN_OR_RETURN(const auto item, scanner.next());
    if (item) continue;
    return bad(segment, scanner.at(), scanner.fault() ? scanner.fault() : "the segment ends");
  }
  if (scanner.at() > lsn)
    return Error{ErrorCode::kInvalidArgument, "lsn " + to_string(lsn) + " is not a record's start"};
  return scanner.tail();
}

Result<void> SegmentLog::truncate(Lsn lsn) {
  RETURN_IF_ERROR(usable());
  if (lsn > tail_.end)
    return Error{ErrorCode::kInvalidArgument, "truncate at lsn " + to_string(lsn) +
                                                  ", beyond the end at " + to_string(tail_.end)};
  if (lsn < begin())
    return Error{ErrorCode::kNotFound, "truncate at lsn " + to_string(lsn) +
                                           ", before the begin at " + to_string(begin())};
  if (lsn == tail_.end) {
    RETURN_IF_ERROR(sync());
    return {};
  }
  const std::scoped_lock lock(space_mutex_);
  for (const auto& segment : segments_.list())
    if (segment.punched->end() > lsn)
      return Error{ErrorCode::kInvalidArgument,
                   "truncate at lsn " + to_string(lsn) + ", but a body before lsn " +
                       to_string(segment.punched->end()) +
                       " was given back, so what killed it was committed"};
  SegmentHeader holder;
  ASSIGN_OR_RETURN(const LogTail tail, tail_before(lsn, holder));
  ready_.wait();  // it may still be trimming the segment that we go back to
  set_tail(tail);
  segments_.cut(lsn);
  const auto cut = [&]() -> Result<void> {
    // The last one first, each for good before the next: no crash leaves a gap.
    auto all = segments_.list();
    for (; all.back().header.base() > holder.base(); all.pop_back()) {
      const SegmentHeader& header = all.back().header;
      segments_.remove(header.base());
      RETURN_IF_ERROR(remove_segment(header));
    }
    ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                     env_.open(segments_.path_of(holder), Env::Open::kWrite));
    // Cut off rather than overwritten: the file system does it as a whole, and what the file grows
    // by afterwards reads as zero, so that no byte of it can come back (hazard H28).
    RETURN_IF_ERROR(file->truncate(holder.offset_of(lsn)));
    return activate(holder, std::move(file));
  };
  if (auto done = cut(); !done) return poison(in_context("truncate", std::move(done).error()));
  set_durable(lsn);
  ready_.prepare();
  return {};
}

}  // namespace everpost::storage
