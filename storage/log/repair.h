// Parts of a log whose bytes are not what they were, and how they are replaced by those of another
// copy. A part is put right only by bytes that prove themselves: records by their checksums and by
// the chain at both ends, a body by the checksum that the index has of it.
#pragma once

#include <optional>
#include <vector>

#include "storage/log/punch_map.h"
#include "storage/log/segment_header.h"

namespace everpost::storage {

// [from, to) of a segment holds no valid records, what is behind it does. Both are where records
// begin (or end).
struct DamagedPart {
  SegmentHeader segment;
  Lsn from, to;
  // The chain at both ends: the checksum of the record before `from`, and the prev_crc at `to`.
  std::uint32_t crc_before = 0, crc_at_end = 0;
};

// Reads all records of a segment.
//   punched     bodies that were given back: they are no damage
//   end         of its records; where that is not known, the file's end
//   crc_at_end  the chain at `end`, if it is known; without it bad bytes up to `end` are no damage
//               (a torn tail, space that was allocated)
// Errors: kIo.
Result<std::vector<DamagedPart>> find_damage(File& file, const SegmentHeader& segment,
                                             const PunchMap& punched, Lsn end,
                                             std::optional<std::uint32_t> crc_at_end);
// The same for a log that is not open, because it could not be opened. What its segments' headers
// say must be right. Errors: kCorrupt (a header, or a segment is missing), kIo.
Result<std::vector<DamagedPart>> find_damage(Env& env, const LogOptions& options);

// Whether `bytes` are whole records that begin at `at`, behind a record with the checksum `crc`.
// Returns where they end, and the chain there. Errors: kCorrupt.
struct RecordsEnd {
  Lsn lsn;
  std::uint32_t crc = 0;
};
Result<RecordsEnd> check_records(Bytes bytes, const SegmentHeader& segment, Lsn at,
                                 std::uint32_t crc);

// Puts `bytes` at `at` of the segment: into a copy of it (up to `end`; what is zero stays a hole),
// which is durable before it takes the segment's name. No crash leaves anything but the old segment
// or the new one. Errors: kNoSpace, kIo; the segment is the old one then.
Result<void> rewrite_segment(Env& env, const std::string& folder, const SegmentHeader& segment,
                             Lsn end, Lsn at, Bytes bytes);

}  // namespace everpost::storage
