// Reads the records of one segment one after the other and checks each in full: header checksum,
// position, epoch, chain, and the checksums of meta and body, unless the body was given back.
#pragma once

#include <optional>
#include <string>

#include "storage/log/punch_map.h"

namespace everpost::storage {

class SegmentScanner {
 public:
  // Starts at `from`, which must be a record's start, and goes as far as `limit`.
  //   file, header, punched   of the segment; all outlive the scanner
  SegmentScanner(File& file, const SegmentHeader& header, const PunchMap& punched, Lsn from,
                 Lsn limit);

  struct Item {
    RecordHeader header;
    Bytes bytes;         // the whole record with its padding; valid until the next call
    bool freed = false;  // its body was given back: what is there of it means nothing
    Bytes meta() const { return bytes.subspan(header.header_bytes, header.meta_bytes); }
    Bytes body() const { return bytes.subspan(header.body_at() - header.lsn, header.body_bytes); }
  };
  // The next record. Nothing at `limit`, or where the bytes are not a valid record: fault() says
  // why. Errors: kIo.
  Result<std::optional<Item>> next();

  // The end of the last valid record (its time and commit field included, if it was read here).
  const LogTail& tail() const { return tail_; }
  Lsn at() const { return tail_.end; }
  const char* fault() const { return fault_; }  // null: reached the limit

 private:
  Result<Bytes> window(std::uint64_t bytes);
  bool freed(const Item& item) const;

  File& file_;
  const SegmentHeader& header_;
  const PunchMap& punched_;
  const std::uint32_t seed_;
  const Lsn limit_;
  LogTail tail_;
  bool chained_;  // tail_.crc is known
  const char* fault_ = nullptr;
  std::string buffer_;
  Lsn buffer_at_;  // where in the log the buffer begins
};

// The bytes of a segment behind a record that is not valid.
struct SegmentRest {
  std::uint64_t bytes = 0;   // from there to the last one that is not zero
  std::optional<Lsn> proof;  // a record header further on that proves the bad one durable once
};
// Looks at [at, limit): any record header there that is valid by itself is a proof if it is at
// least `header.group_bytes_max` behind `at`, or if `commits_were_durable` and its commit field is
// above `at`.
Result<SegmentRest> inspect_rest(File& file, const SegmentHeader& header, Lsn at, Lsn limit,
                                 bool commits_were_durable);

// The next record header in (at, limit) that is valid by itself, whatever is before it.
Result<std::optional<Lsn>> next_header(File& file, const SegmentHeader& header, Lsn at, Lsn limit);

}  // namespace everpost::storage
