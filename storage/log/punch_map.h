// Which bodies of a segment have been given back to the file system: a file beside the segment,
// `<segment>.pm`, of entries that are on stable storage before anything is punched. The records of
// such bodies stay: header, meta and chain can be checked for ever. Bytes: docs/formats/log.md,
// "Punch map".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/log/segment_header.h"

namespace everpost::storage {

// What a file system gives back at least.
constexpr std::uint64_t kPunchBytes = 4096;

class PunchMap {
 public:
  using Range = Log::Range;

  // Whether any byte of the range was, or is about to be, given back.
  bool touches(Lsn at, std::uint64_t bytes) const;
  std::uint64_t bytes_within(Lsn at, std::uint64_t bytes) const;  // of ranges that lie within
  const std::vector<Range>& ranges() const { return ranges_; }    // by LSN, apart from each other
  std::uint64_t bytes() const { return bytes_; }
  Lsn end() const { return ranges_.empty() ? Lsn{} : ranges_.back().end(); }

  // Noted by an earlier process, and perhaps not punched by it.
  const std::vector<Range>& unsure() const { return unsure_; }
  // An entry cannot be read. It was never synced, or has rotted: a body whose blocks are all zero
  // may have been given back, too.
  bool damaged() const { return damaged_; }
  std::uint64_t file_bytes() const { return file_bytes_; }  // the next entry goes here; 0: no file

  // Those of `ranges` that it does not have yet. One that overlaps with what it has is left out.
  std::vector<Range> missing(std::span<const Range> ranges) const;
  void add(std::span<const Range> ranges);
  // All that it has was punched, for good.
  void settle(std::uint64_t file_bytes);
  void grow_file(std::uint64_t to) { file_bytes_ = to; }

 private:
  friend Result<PunchMap> decode_punch_map(Bytes, const SegmentHeader&);
  std::vector<Range> ranges_, unsure_;
  std::uint64_t bytes_ = 0;
  bool damaged_ = false;
  std::uint64_t file_bytes_ = 0;
};

using PunchMapPtr = std::shared_ptr<const PunchMap>;

// The whole blocks of the segment's file within a range of its log.
Log::Range whole_blocks(const SegmentHeader& segment, const Log::Range& range);

std::string punch_map_name(const SegmentHeader& segment);  // of the file
// What is appended for `ranges`; `begin`: with the file's first bytes. The entry that says that
// all before it were punched.
std::string encode_punches(const SegmentHeader& segment, std::span<const Log::Range> ranges,
                           bool begin);
std::string encode_punches_done(const SegmentHeader& segment);
// Errors: kUnsupported (a newer format).
Result<PunchMap> decode_punch_map(Bytes bytes, const SegmentHeader& segment);
// Empty, if there is no file. Errors: kUnsupported, kIo.
Result<PunchMap> read_punch_map(Env& env, const std::string& folder, const SegmentHeader& segment);

}  // namespace everpost::storage
