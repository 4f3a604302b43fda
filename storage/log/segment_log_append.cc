#include <algorithm>
#include <cstring>

#include "base/invariant.h"
#include "storage/log/record_codec.h"
#include "storage/log/segment_log.h"

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
  set_tail({last.end(), last.crc, last.time, std::max(tail_.commit, last.commit)});
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

}  // namespace everpost::storage
