// A record of the log: one committed change of a shard. 64-byte header, meta, padding to 8, body,
// padding to 8. Bytes on disk: docs/formats/log.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace everpost::storage {

enum class RecordType : std::uint16_t {
  kEpochStart = 1,      // first record of a primary's reign
  kNoop = 2,            // padding
  kCheckpointMark = 3,  // the index was durable up to an LSN, with its digest
  kBodyChunk = 4,       // a piece of a message that is still arriving
  kTxn = 5,             // a transaction of the state machine (storage/machine)
  kFeatureLevel = 6,
  kUploadAbort = 7,
  kRewindGuard = 8,
};

enum RecordFlag : std::uint8_t {
  kIgnorable = 1,  // a reader that does not know the type may skip it
  kHasBody = 2,
  kCompressedMeta = 8,
  kPad = 16,
};

constexpr std::uint32_t kRecordHeaderBytes = 64;  // as written; a later minor version may have more
constexpr std::uint32_t kRecordMetaBytesMax = 1 << 20;
constexpr std::uint32_t kRecordBodyBytesMax = 1 << 20;

struct RecordHeader {
  RecordType type{};
  std::uint8_t flags = 0;
  std::uint16_t header_bytes = kRecordHeaderBytes;
  Lsn lsn;
  Epoch epoch;
  std::uint32_t feature_level = 0;  // defines the command's semantics
  std::uint32_t prev_crc = 0;       // hdr_crc of the record before: the chain
  std::uint32_t meta_bytes = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t meta_crc = 0;
  std::uint32_t body_crc = 0;
  Lsn commit;             // commit point known to the primary when it built the record
  WallTime time;          // the primary's, monotone in a log
  std::uint32_t crc = 0;  // of the header itself, seeded with the log's identity

  Lsn meta_at() const { return lsn + header_bytes; }
  Lsn body_at() const { return meta_at() + pad8(meta_bytes); }
  Lsn end() const { return body_at() + pad8(body_bytes); }
};

// A record read back from the log, checked. `meta` and `body` live as long as `bytes`.
struct Record {
  RecordHeader header;
  SharedBytes bytes;
  Bytes meta;
  Bytes body;
  // The body was dead and its space was given back: `body` is empty, whatever the header says.
  bool freed = false;
};

// Where some bytes of the log are: a position in the log's address space (not of a record, of the
// bytes themselves), a length, and their CRC32C, checked at every read.
struct Extent {
  Lsn at;
  std::uint32_t bytes = 0;
  std::uint32_t crc = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// What a new record is to hold. The log gives it its LSN and its place in the chain.
struct NewRecord {
  RecordType type = RecordType::kTxn;
  std::uint8_t flags = 0;
  std::uint32_t feature_level = 1;
  std::string meta;               // at most kRecordMetaBytesMax
  std::vector<SharedBytes> body;  // joined: at most kRecordBodyBytesMax
  std::uint32_t meta_crc = 0;     // of `meta` and of the joined body, computed by the caller,
  std::uint32_t body_crc = 0;     // away from the log's thread (see seal())
  WallTime time;

  std::uint32_t body_bytes() const;
  void seal();  // computes both checksums and sets kHasBody
};

// A record that has its place: laid out by whoever leads the shard, the same bytes in every copy's
// log. Meta and body have the checksums that the header tells; if they came from outside, verify()
// (record_codec.h) has found so.
struct PlacedRecord {
  RecordHeader header;
  std::string_view meta;
  std::span<const SharedBytes> body;
};

}  // namespace everpost::storage
