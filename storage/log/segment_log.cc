#include "storage/log/segment_log.h"

#include <algorithm>
#include <array>

#include "base/invariant.h"
#include "storage/log/record_codec.h"
#include "storage/log/recovery.h"

namespace everpost::storage {
namespace {

// Pieces of up to this size are copied together: cheaper than a part of their own in pwritev.
constexpr std::size_t kSmallPieceBytes = 1024;

std::uint64_t record_bytes(const NewRecord& record) {
  return kRecordHeaderBytes + pad8(record.meta.size()) + pad8(record.body_bytes());
}

std::uint64_t group_bytes(std::span<const NewRecord> group) {
  std::uint64_t bytes = 0;
  for (const NewRecord& record : group) bytes += record_bytes(record);
  return bytes;
}

// Whether the checksums may be missing. Computing them again for every record would cost as much as
// the write; but one that was forgotten is zero, and a right one is zero once in four thousand
// millions.
template <class Sums>
bool maybe_unsealed(const Sums& sums, std::uint64_t meta_bytes, std::uint64_t body_bytes) {
  return (sums.meta_crc == 0 && meta_bytes > 0) || (sums.body_crc == 0 && body_bytes > 0);
}

bool sealed(const NewRecord& record) {
  NewRecord again;
  if (maybe_unsealed(record, record.meta.size(), record.body_bytes())) {
    again.meta = record.meta;
    again.body = record.body;
    again.seal();
    if (again.meta_crc != record.meta_crc || again.body_crc != record.body_crc) return false;
  }
  return (record.body_bytes() > 0) == ((record.flags & kHasBody) != 0);
}

}  // namespace

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
  RETURN_IF_ERROR(log->resume(std::move(inspection.segments), inspection.tail));
  recovery = inspection.found;
  return log;
}

// Goes on at `tail`, in the last segment.
Result<void> SegmentLog::resume(std::vector<SegmentHeader> segments, const LogTail& tail) {
  // The folder itself may be new; what recovery renamed is not durable in it yet, and what it found
  // may not be either (hazard H32).
  RETURN_IF_ERROR(env_.sync_folder(parent_folder(options_.folder)));
  RETURN_IF_ERROR(env_.sync_folder(options_.folder));
  tail_ = tail;
  for (const SegmentHeader& header : segments) segments_.add(header);
  segments_.set_end(tail.end);
  if (!segments.empty()) {
    const SegmentHeader& last = segments.back();
    ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                     env_.open(segments_.path_of(last), Env::Open::kWrite));
    RETURN_IF_ERROR(activate(last, std::move(file)));
  }
  set_durable(tail.end);
  ready_.prepare();
  return {};
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

Result<void> SegmentLog::check_limits(std::span<const NewRecord> group) const {
  for (const NewRecord& record : group) {
    if (record.meta.size() > kRecordMetaBytesMax || record.body_bytes() > kRecordBodyBytesMax)
      return Error{ErrorCode::kInvalidArgument,
                   "a record with " + std::to_string(record.meta.size()) + " bytes of meta and " +
                       std::to_string(record.body_bytes()) + " of body is above the limits"};
    if (!sealed(record))
      return Error{ErrorCode::kInvalidArgument, "a record without its checksums"};
  }
  if (const std::uint64_t bytes = group_bytes(group); bytes > options_.group_bytes_max)
    return Error{ErrorCode::kInvalidArgument, "a group of " + std::to_string(bytes) +
                                                  " bytes is above the limit of " +
                                                  std::to_string(options_.group_bytes_max)};
  return {};
}

Result<void> SegmentLog::make_room(Epoch epoch, std::uint64_t bytes) {
  const bool fits = active_ && active_->header.epoch == epoch && tail_.end <= active_->limit &&
                    bytes <= active_->limit - tail_.end;
  if (!fits) return start_segment(epoch);
  // So that recovery may rely on the bound (hazard H26).
  if (tail_.end - durable() + bytes > options_.group_bytes_max) RETURN_IF_ERROR(sync());
  return {};
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

// Headers for the group, from the log's end on.
std::vector<RecordHeader> SegmentLog::give_places(Epoch epoch, Lsn commit,
                                                  std::span<const NewRecord> group) {
  LogTail tail = tail_;
  std::vector<RecordHeader> headers;
  headers.reserve(group.size());
  for (const NewRecord& record : group) {
    // A wall clock may go back, a log may not.
    const WallTime time = std::max(record.time, tail.time);
    const RecordHeader& header =
        headers.emplace_back(place(record, tail.end, tail.crc, epoch, commit, time, seed_));
    tail = {header.end(), header.crc, header.time, tail.commit};
  }
  return headers;
}

// Gathers in parts_ all that is to be written.
void SegmentLog::lay_out(std::span<const PlacedRecord> group) {
  std::size_t small_bytes = 0;
  for (const PlacedRecord& record : group) {
    small_bytes += kRecordHeaderBytes + 16;
    if (record.meta.size() <= kSmallPieceBytes) small_bytes += record.meta.size();
    for (const SharedBytes& part : record.body)
      if (part->size() <= kSmallPieceBytes) small_bytes += part->size();
  }
  parts_.clear();
  small_.resize(std::max(small_.size(), small_bytes));
  std::byte* to = small_.data();    // the next small piece goes here
  const std::byte* run_start = to;  // small pieces since the last part
  const auto end_run = [&] {
    if (to != run_start) parts_.emplace_back(run_start, to);
    run_start = to;
  };
  const auto put = [&](std::string_view piece) {
    if (piece.size() <= kSmallPieceBytes) {
      if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    } else {
      end_run();
      parts_.push_back(as_bytes(piece));
    }
  };
  const auto pad = [&](std::uint64_t bytes) {
    const std::uint64_t zeros = pad8(bytes) - bytes;
    std::memset(to, 0, zeros);
    to += zeros;
  };
  for (const PlacedRecord& record : group) {
    RecordHeader header = record.header;
    encode_header(header, seed_, std::span<std::byte, kRecordHeaderBytes>(to, kRecordHeaderBytes));
    to += kRecordHeaderBytes;
    put(record.meta);
    pad(record.meta.size());
    for (const SharedBytes& part : record.body) put(*part);
    pad(header.body_bytes);
  }
  end_run();
}

// The group fits on the log's end; there is no check left to make.
Result<void> SegmentLog::write(std::span<const PlacedRecord> group) {
  const RecordHeader& last = group.back().header;
  RETURN_IF_ERROR(make_room(last.epoch, last.end() - tail_.end));
  lay_out(group);
  INVARIANT(last.end() <= active_->limit, "a record is written into allocated space");
  if (auto written = writer_.write(*active_->file, active_->header.offset_of(tail_.end), parts_);
      !written)
    // Even "no space": it was allocated, so nobody can tell what has happened.
    return poison(in_context("append at lsn " + to_string(tail_.end), std::move(written).error()));
  records_ += group.size();
  appended_bytes_ += last.end() - tail_.end;
  tail_ = {last.end(), last.crc, last.time, std::max(tail_.commit, last.commit)};
  segments_.set_end(tail_.end);
  return {};
}

Result<std::vector<RecordHeader>> SegmentLog::append(Epoch epoch, Lsn commit,
                                                     std::span<const NewRecord> group) {
  RETURN_IF_ERROR(usable());
  RETURN_IF_ERROR(check_epoch(epoch));
  RETURN_IF_ERROR(check_limits(group));
  if (commit > tail_.end)  // recovery would take it for a proof of what was durable
    return Error{
        ErrorCode::kInvalidArgument,
        "commit point " + to_string(commit) + " beyond the log's end at " + to_string(tail_.end)};
  if (group.empty()) return std::vector<RecordHeader>{};
  std::vector<RecordHeader> headers = give_places(epoch, commit, group);
  std::vector<PlacedRecord> placed;
  placed.reserve(group.size());
  for (std::size_t i = 0; i < group.size(); ++i)
    placed.push_back({headers[i], group[i].meta, group[i].body});
  RETURN_IF_ERROR(write(placed));
  return headers;
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

Result<void> SegmentLog::check_places(std::span<const PlacedRecord> group) const {
  Lsn at = tail_.end;
  std::uint32_t chain = tail_.crc;
  for (const PlacedRecord& record : group) {
    const RecordHeader& header = record.header;
    const char* fault = fault_of_header(record, seed_);
    if (!fault && (header.lsn != at || header.prev_crc != chain))
      fault = "does not go on from the log's end";
    if (!fault && header.epoch != group.front().header.epoch) fault = "of another epoch";
    if (!fault && maybe_unsealed(header, header.meta_bytes, header.body_bytes) &&
        !storage::verify(record, seed_))
      fault = "without its checksums";
    if (fault)
      return Error{ErrorCode::kInvalidArgument, "the record for lsn " + to_string(header.lsn) +
                                                    ", where the log is at " + to_string(at) +
                                                    ": " + fault};
    at = header.end();
    chain = header.crc;
  }
  if (at - tail_.end > options_.group_bytes_max)
    return Error{ErrorCode::kInvalidArgument, "a group of " + std::to_string(at - tail_.end) +
                                                  " bytes is above the limit of " +
                                                  std::to_string(options_.group_bytes_max)};
  return {};
}

Result<void> SegmentLog::append_placed(std::span<const PlacedRecord> group) {
  RETURN_IF_ERROR(usable());
  if (group.empty()) return {};
  RETURN_IF_ERROR(check_epoch(group.front().header.epoch));
  RETURN_IF_ERROR(check_places(group));
  return write(group);
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
  SegmentScanner scanner(*segment.file, holder, holder.base(), segment.end);
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
  SegmentHeader holder;
  ASSIGN_OR_RETURN(const LogTail tail, tail_before(lsn, holder));
  ready_.wait();  // it may still be trimming the segment that we go back to
  tail_ = tail;
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
