#include <algorithm>

#include "base/crc32c.h"
#include "storage/log/record_codec.h"
#include "storage/log/segment_log.h"
#include "storage/log/segment_scanner.h"

namespace everpost::storage {
namespace {

// What one read fetches when it does not know the record's size yet.
constexpr std::uint64_t kFirstReadBytes = 4096;

Result<Bytes> read_at(const SegmentSet::Segment& segment, Lsn at, std::span<std::byte> to) {
  ASSIGN_OR_RETURN(const std::size_t got, segment.file->read(segment.header.offset_of(at), to));
  return Bytes(to.first(got));
}

Record to_record(const SegmentScanner::Item& item) {
  Record record;
  record.header = item.header;
  record.bytes = share(std::string(as_text(item.bytes)));
  const Bytes bytes = as_bytes(*record.bytes);
  record.meta = bytes.subspan(item.header.header_bytes, item.header.meta_bytes);
  record.freed = item.freed;
  if (!item.freed)
    record.body = bytes.subspan(item.header.body_at() - item.header.lsn, item.header.body_bytes);
  return record;
}

}  // namespace

// The segment that holds all of [at, at + bytes).
Result<SegmentSet::Segment> SegmentLog::find(Lsn at, std::uint64_t bytes) const {
  ASSIGN_OR_RETURN(auto segment, segments_.find(at));
  if (bytes > segment.end - at) {
    const bool beyond = segment.end == segments_.end();
    return Error{beyond ? ErrorCode::kNotFound : ErrorCode::kCorrupt,
                 "lsn " + to_string(at) + " with " + std::to_string(bytes) + " bytes goes beyond " +
                     (beyond ? "the end of the log " : "its segment in ") + options_.folder};
  }
  return segment;
}

// What to say of bytes that are not what they should be.
Error SegmentLog::bad(const SegmentSet::Segment& segment, Lsn at, const std::string& why) const {
  if (segments_.cut_since(segment))
    return {ErrorCode::kNotFound, "lsn " + to_string(at) + ": the log was cut meanwhile"};
  return {ErrorCode::kCorrupt,
          segments_.path_of(segment.header) + ": at lsn " + to_string(at) + ": " + why};
}

Error SegmentLog::gone(Lsn at) const {
  return {ErrorCode::kNotFound, "lsn " + to_string(at) + " of the log " + options_.folder +
                                    ": nothing referred to it any more, and its space was given "
                                    "back"};
}

Result<std::string> SegmentLog::read(const Extent& extent) const {
  RETURN_IF_ERROR(usable());
  if (extent.bytes == 0) return std::string();
  ASSIGN_OR_RETURN(const auto segment, find(extent.at, extent.bytes));
  Result<Bytes> got{Bytes{}};
  std::string bytes;
  // Not the size that is handed in: libstdc++ 12 passes the capacity, which may be more.
  bytes.resize_and_overwrite(extent.bytes, [&](char* data, std::size_t) {
    got = read_at(segment, extent.at,
                  std::as_writable_bytes(std::span(data, std::size_t{extent.bytes})));
    return got ? got->size() : 0;
  });
  RETURN_IF_ERROR(got);
  if (bytes.size() < extent.bytes || crc32c(as_bytes(bytes)) != extent.crc) {
    if (segments_.punched(extent.at, extent.bytes)) return gone(extent.at);
    return bad(segment, extent.at,
               "the checksum of " + std::to_string(extent.bytes) + " bytes is wrong");
  }
  return bytes;
}

Result<void> SegmentLog::read_part(const Extent& extent, std::uint32_t offset,
                                   std::span<std::byte> to) const {
  RETURN_IF_ERROR(usable());
  if (offset > extent.bytes || to.size() > extent.bytes - offset)
    return Error{ErrorCode::kInvalidArgument, "a part that is not within its extent"};
  if (to.empty()) return {};
  ASSIGN_OR_RETURN(const auto segment, find(extent.at, extent.bytes));
  ASSIGN_OR_RETURN(const Bytes got, read_at(segment, extent.at + offset, to));
  // Asked afterwards: zeroes are never taken for mail.
  if (segments_.punched(extent.at, extent.bytes)) return gone(extent.at);
  if (got.size() < to.size()) return bad(segment, extent.at, "the file ends");
  return {};
}

Result<RecordHeader> SegmentLog::read_header(Lsn lsn) const {
  RETURN_IF_ERROR(usable());
  ASSIGN_OR_RETURN(const auto segment, segments_.find(lsn));
  std::string bytes(std::min<std::uint64_t>(kRecordHeaderBytesMax, segment.end - lsn), '\0');
  ASSIGN_OR_RETURN(const Bytes got,
                   read_at(segment, lsn, std::as_writable_bytes(std::span(bytes))));
  const auto header = decode_header(got, seed_);
  if (!header || header->lsn != lsn || header->epoch != segment.header.epoch)
    return bad(segment, lsn, "no valid record header");
  return *header;
}

Result<Record> SegmentLog::read_record(Lsn lsn) const {
  RETURN_IF_ERROR(usable());
  ASSIGN_OR_RETURN(const auto segment, segments_.find(lsn));
  const auto wrong = [&](const char* why) { return bad(segment, lsn, why); };
  std::string bytes(std::min(kFirstReadBytes, segment.end - lsn), '\0');
  ASSIGN_OR_RETURN(const Bytes start,
                   read_at(segment, lsn, std::as_writable_bytes(std::span(bytes))));
  const auto header = decode_header(start, seed_);
  if (!header || header->lsn != lsn || header->epoch != segment.header.epoch)
    return wrong("no valid record header");
  const std::uint64_t total = header->end() - lsn;
  if (total > segment.end - lsn) return wrong("the record goes beyond the end");
  const std::size_t have = std::min<std::size_t>(start.size(), total);
  bytes.resize(total);
  if (have < total) {
    ASSIGN_OR_RETURN(
        const Bytes rest,
        read_at(segment, lsn + have, std::as_writable_bytes(std::span(bytes)).subspan(have)));
    if (rest.size() < total - have) return wrong("the file ends within the record");
  }
  Record record;
  record.header = *header;
  record.bytes = share(std::move(bytes));
  const Bytes all = as_bytes(*record.bytes);
  record.meta = all.subspan(header->header_bytes, header->meta_bytes);
  record.body = all.subspan(header->body_at() - lsn, header->body_bytes);
  if (crc32c(record.meta) != header->meta_crc) return wrong("the checksum of its meta is wrong");
  // Asked after the bytes were read.
  record.freed = segments_.punched(header->body_at(), header->body_bytes);
  if (record.freed)
    record.body = {};
  else if (crc32c(record.body) != header->body_crc)
    return wrong("the checksum of its body is wrong");
  return record;
}

Result<void> SegmentLog::scan(Lsn from, Lsn to,
                              const std::function<Result<bool>(const Record&)>& visit) const {
  RETURN_IF_ERROR(usable());
  for (Lsn at = from; at < std::min(to, end());) {
    ASSIGN_OR_RETURN(const auto segment, segments_.find(at));
    // As far as the segment goes: a record is valid as a whole or not at all.
    SegmentScanner scanner(*segment.file, segment.header, *segment.punched, at, segment.end);
    while (scanner.at() < to) {
      ASSIGN_OR_RETURN(const auto item, scanner.next());
      if (!item) break;
      ASSIGN_OR_RETURN(const bool go_on, visit(to_record(*item)));
      if (!go_on) return {};
    }
    at = scanner.at();
    if (!scanner.fault()) continue;
    // Its body may have been given back since.
    const auto again = segments_.find(at);
    if (!again || again->punched == segment.punched) return bad(segment, at, scanner.fault());
  }
  return {};
}

Log::Stats SegmentLog::stats() const {
  Stats stats;
  const auto all = segments_.list();
  stats.segments = all.size();
  for (const auto& segment : all)
    stats.disk_bytes += kSegmentHeaderBytes + (segment.end - segment.header.base());
  // The last one and the one made ahead are allocated in full.
  if (!all.empty())
    stats.disk_bytes += options_.segment_bytes - kSegmentHeaderBytes -
                        std::min(all.back().end - all.back().header.base(),
                                 options_.segment_bytes - kSegmentHeaderBytes);
  stats.disk_bytes += options_.segment_bytes;
  for (const auto& segment : all) stats.punched_bytes += segment.punched->bytes();
  stats.disk_bytes -= std::min(stats.punched_bytes, stats.disk_bytes);
  stats.records = records_;
  stats.appended_bytes = appended_bytes_;
  stats.syncs = syncs_;
  return stats;
}

}  // namespace everpost::storage
