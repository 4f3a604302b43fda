#include "storage/log/segment_scanner.h"

#include <algorithm>

#include "base/crc32c.h"
#include "storage/log/record_codec.h"
#include "storage/log/zero.h"

namespace everpost::storage {
namespace {

constexpr std::uint64_t kReadBytes = 256 << 10;

// Reads [at, at + bytes) of the log; shorter where the file ends.
Result<void> read_log(File& file, const SegmentHeader& header, Lsn at, std::uint64_t bytes,
                      std::string& to) {
  to.resize(bytes);
  ASSIGN_OR_RETURN(const std::size_t got,
                   file.read(header.offset_of(at), std::as_writable_bytes(std::span(to))));
  to.resize(got);
  return {};
}

// How many bytes there are up to the last one that is not zero.
std::size_t used_bytes(Bytes bytes) {
  if (is_zero(bytes)) return 0;
  std::size_t used = bytes.size();
  while (bytes[used - 1] == std::byte{0}) --used;
  return used;
}

// Calls `record` for each record header in (at, limit) that is valid by itself, until it returns
// false, and `used` with the end of what is not zero, as far as it is known.
template <class Used, class Header>
Result<void> visit_headers(File& file, const SegmentHeader& segment, Lsn at, Lsn limit, Used used,
                           Header record) {
  const std::uint32_t seed = header_seed(segment.identity);
  std::string buffer;
  for (Lsn from = at; from < limit;) {
    // Windows overlap by the longest header, so that none is cut by a window's end.
    const std::uint64_t step = std::min(kReadBytes, limit - from);
    RETURN_IF_ERROR(read_log(file, segment, from,
                             std::min(step + kRecordHeaderBytesMax, limit - from), buffer));
    const Bytes bytes = as_bytes(buffer);
    const std::size_t end = std::min<std::size_t>(bytes.size(), step);
    if (const std::size_t n = used_bytes(bytes.first(end)); n > 0) {
      used(from + n);
      for (std::size_t i = from == at ? 8 : 0; i + kRecordHeaderBytes <= bytes.size() && i < end;
           i += 8) {
        const Lsn position = from + i;
        if (load_le<std::uint64_t>(&bytes[i + 8]) != position.value) continue;
        const auto found = decode_header(bytes.subspan(i), seed);
        if (found && found->epoch == segment.epoch && !record(*found)) return {};
      }
    }
    if (end < step) break;  // the file ends here
    from = from + step;
  }
  return {};
}

}  // namespace

SegmentScanner::SegmentScanner(File& file, const SegmentHeader& header, const PunchMap& punched,
                               Lsn from, Lsn limit)
    : file_(file),
      header_(header),
      punched_(punched),
      seed_(header_seed(header.identity)),
      limit_(limit),
      tail_(header.start),
      chained_(from == header.base()),
      buffer_at_(from) {
  tail_.end = from;
}

// At least `bytes` from the scan's position on, fewer at the limit or the end of the file.
Result<Bytes> SegmentScanner::window(std::uint64_t bytes) {
  const std::uint64_t want = std::min(bytes, limit_ - at());
  if (at() + want > buffer_at_ + buffer_.size()) {
    buffer_at_ = at();
    RETURN_IF_ERROR(read_log(file_, header_, buffer_at_,
                             std::min(std::max(want, kReadBytes), limit_ - at()), buffer_));
  }
  const Bytes all = as_bytes(buffer_).subspan(at() - buffer_at_);
  return all.first(std::min<std::uint64_t>(all.size(), bytes));
}

bool SegmentScanner::freed(const Item& item) const {
  const RecordHeader& header = item.header;
  if (punched_.touches(header.body_at(), header.body_bytes)) return true;
  if (!punched_.damaged() || crc32c(item.body()) == header.body_crc) return false;
  // The entry may be one of those that cannot be read.
  const Log::Range whole = whole_blocks(header_, {header.body_at(), header.body_bytes});
  return whole.bytes > 0 &&
         used_bytes(item.body().subspan(whole.at - header.body_at(), whole.bytes)) == 0;
}

Result<std::optional<SegmentScanner::Item>> SegmentScanner::next() {
  const auto invalid = [this](const char* why) -> Result<std::optional<Item>> {
    fault_ = why;
    return std::optional<Item>{};
  };
  if (at() >= limit_) return std::optional<Item>{};
  ASSIGN_OR_RETURN(const Bytes start, window(kRecordHeaderBytesMax));
  const auto header = decode_header(start, seed_);
  if (!header) return invalid("no valid record header");
  if (header->lsn != at()) return invalid("the header of another position");
  if (header->epoch != header_.epoch) return invalid("the header of another epoch");
  if (chained_ && header->prev_crc != tail_.crc)
    return invalid("not the successor of its predecessor");
  const std::uint64_t bytes = header->end() - at();
  if (bytes > limit_ - at()) return invalid("the record goes beyond the end");
  ASSIGN_OR_RETURN(const Bytes all, window(bytes));
  if (all.size() < bytes) return invalid("the file ends within the record");
  Item item{*header, all};
  if (crc32c(item.meta()) != header->meta_crc) return invalid("the checksum of its meta is wrong");
  item.freed = freed(item);
  if (!item.freed && crc32c(item.body()) != header->body_crc)
    return invalid("the checksum of its body is wrong");
  tail_ = {header->end(), header->crc, header->time, std::max(tail_.commit, header->commit)};
  chained_ = true;
  return std::optional<Item>(item);
}

Result<SegmentRest> inspect_rest(File& file, const SegmentHeader& header, Lsn at, Lsn limit,
                                 bool commits_were_durable) {
  SegmentRest rest;
  RETURN_IF_ERROR(visit_headers(
      file, header, at, limit, [&](Lsn used) { rest.bytes = used - at; },
      [&](const RecordHeader& found) {
        if (found.lsn - at < header.group_bytes_max && !(commits_were_durable && found.commit > at))
          return true;
        rest.proof = found.lsn;
        return false;
      }));
  return rest;
}

Result<std::optional<Lsn>> next_header(File& file, const SegmentHeader& header, Lsn at, Lsn limit) {
  std::optional<Lsn> next;
  RETURN_IF_ERROR(visit_headers(
      file, header, at, limit, [](Lsn) {},
      [&](const RecordHeader& found) {
        next = found.lsn;
        return false;
      }));
  return next;
}

}  // namespace everpost::storage
