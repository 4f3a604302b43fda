// A segment: one file of a log, `<base LSN>-<epoch>.seg`, of one epoch. A header of 4 KiB, then
// records. Layout: docs/formats/log.md, "Segment".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "storage/log/log.h"

namespace everpost::storage {

constexpr std::uint64_t kSegmentHeaderBytes = 4096;

enum SegmentFlag : std::uint32_t {
  kCopiedForward = 2,  // written by recovery, from the segment of that name
};

// Where a log goes on: its end, and what the last record before it says.
struct LogTail {
  Lsn end;
  std::uint32_t crc = 0;  // of that record's header: the next one's prev_crc
  WallTime time;
  Lsn commit;
  friend bool operator==(const LogTail&, const LogTail&) = default;
};

struct SegmentHeader {
  std::uint32_t flags = 0;
  LogIdentity identity;
  Epoch epoch;
  LogTail start;  // the log's tail when the segment was begun; its end is `base`
  std::uint32_t group_bytes_max = 0;  // what is not durable in this file never exceeds this

  Lsn base() const { return start.end; }
  // Where in the file the byte at `lsn` is.
  std::uint64_t offset_of(Lsn lsn) const { return kSegmentHeaderBytes + (lsn - base()); }
};

std::array<std::byte, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header);
// Errors: kCorrupt, kUnsupported (a newer format).
Result<SegmentHeader> decode_segment_header(Bytes bytes);

std::string segment_name(const SegmentHeader& header);
struct SegmentName {
  Lsn base;
  Epoch epoch;
};
std::optional<SegmentName> parse_segment_name(std::string_view name);

}  // namespace everpost::storage
