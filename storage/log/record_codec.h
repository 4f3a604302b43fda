// The 64 bytes of a record's header. Layout: docs/formats/log.md, "Record".
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

// The longest header that a later minor version may write.
constexpr std::size_t kRecordHeaderBytesMax = 255 * 8;

// The header at the start of `bytes`, or nothing if its length, checksum or limits are wrong.
std::optional<RecordHeader> decode_header(Bytes bytes, std::uint32_t seed);

}  // namespace everpost::storage
