// The 64 bytes of a record's header, and whether a record is what its header says. Layout:
// docs/formats/log.md, "Record".
#pragma once

#include <optional>
#include <span>

#include "storage/log/log.h"
#include "storage/log/record.h"

namespace everpost::storage {

// The checksum of (cluster, shard, lineage), which each header's checksum goes on from: bytes of
// another log are never taken for this one's.
std::uint32_t header_seed(const LogIdentity& identity);

// Writes the header, and its checksum into `header.crc`.
void encode_header(RecordHeader& header, std::uint32_t seed,
                   std::span<std::byte, kRecordHeaderBytes> to);

// The header of `record` with its place in a log: at `lsn`, behind a record whose header has the
// checksum `prev_crc`. The record is sealed.
RecordHeader place(const NewRecord& record, Lsn lsn, std::uint32_t prev_crc, Epoch epoch,
                   Lsn commit, WallTime time, std::uint32_t seed);

// Appends the record's bytes as they are in a log, padding included.
void append_record(std::string& to, const PlacedRecord& record, std::uint32_t seed);

// The longest header that a later minor version may write.
constexpr std::size_t kRecordHeaderBytesMax = 255 * 8;

// The header at the start of `bytes`, or nothing if its length, checksum or limits are wrong.
std::optional<RecordHeader> decode_header(Bytes bytes, std::uint32_t seed);

// Whether a record from outside is what its header says: the header's checksum, the lengths and
// limits, and the checksums of meta and body, all of which are read. Whoever takes records from a
// peer calls this on receipt, before anybody else sees them: Log::append_placed() does not look
// into meta and body, for those of its own primary were sealed a moment ago. What passes here and
// goes on from the log's end in an epoch that is not fenced is taken there.
// Errors: kCorrupt; kUnsupported (a longer header, of a later minor version).
Result<void> verify(const PlacedRecord& record, std::uint32_t seed);

// The same without reading meta and body: what is wrong, or null.
const char* fault_of_header(const PlacedRecord& record, std::uint32_t seed);

}  // namespace everpost::storage
