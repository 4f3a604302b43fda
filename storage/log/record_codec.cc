#include "storage/log/record_codec.h"

#include <array>

#include "base/crc32c.h"

namespace everpost::storage {

std::uint32_t header_seed(const LogIdentity& identity) {
  std::array<std::byte, 24> bytes;
  std::memcpy(bytes.data(), identity.cluster.data(), 16);
  store_le(bytes.data() + 16, identity.shard.value);
  store_le(bytes.data() + 20, identity.lineage.value);
  return crc32c(bytes);
}

void encode_header(RecordHeader& header, std::uint32_t seed,
                   std::span<std::byte, kRecordHeaderBytes> to) {
  std::byte* at = to.data();
  store_le(at + 4, static_cast<std::uint16_t>(header.type));
  store_le(at + 6, header.flags);
  store_le(at + 7, static_cast<std::uint8_t>(kRecordHeaderBytes / 8));
  store_le(at + 8, header.lsn.value);
  store_le(at + 16, header.epoch.value);
  store_le(at + 20, header.feature_level);
  store_le(at + 24, header.prev_crc);
  store_le(at + 28, header.meta_bytes);
  store_le(at + 32, header.body_bytes);
  store_le(at + 36, header.meta_crc);
  store_le(at + 40, header.body_crc);
  store_le(at + 44, std::uint32_t{0});
  store_le(at + 48, header.commit.value);
  store_le(at + 56, static_cast<std::uint64_t>(header.time.micros));
  header.crc = crc32c_extend(seed, to.subspan(4));
  store_le(at, header.crc);
}

RecordHeader place(const NewRecord& record, Lsn lsn, std::uint32_t prev_crc, Epoch epoch,
                   Lsn commit, WallTime time, std::uint32_t seed) {
  RecordHeader header;
  header.type = record.type;
  header.flags = record.flags;
  header.lsn = lsn;
  header.epoch = epoch;
  header.feature_level = record.feature_level;
  header.prev_crc = prev_crc;
  header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
  header.body_bytes = record.body_bytes();
  header.meta_crc = record.meta_crc;
  header.body_crc = record.body_crc;
  header.commit = commit;
  header.time = time;
  std::array<std::byte, kRecordHeaderBytes> bytes;
  encode_header(header, seed, bytes);
  return header;
}

std::optional<RecordHeader> decode_header(Bytes bytes, std::uint32_t seed) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const std::byte* at = bytes.data();
  const std::size_t header_bytes = std::to_integer<std::size_t>(at[7]) * 8;
  if (header_bytes < kRecordHeaderBytes || header_bytes > bytes.size()) return std::nullopt;
  RecordHeader header;
  header.crc = load_le<std::uint32_t>(at);
  if (header.crc != crc32c_extend(seed, bytes.subspan(4, header_bytes - 4))) return std::nullopt;
  header.type = static_cast<RecordType>(load_le<std::uint16_t>(at + 4));
  header.flags = std::to_integer<std::uint8_t>(at[6]);
  header.header_bytes = static_cast<std::uint16_t>(header_bytes);
  header.lsn = Lsn{load_le<std::uint64_t>(at + 8)};
  header.epoch = Epoch{load_le<std::uint32_t>(at + 16)};
  header.feature_level = load_le<std::uint32_t>(at + 20);
  header.prev_crc = load_le<std::uint32_t>(at + 24);
  header.meta_bytes = load_le<std::uint32_t>(at + 28);
  header.body_bytes = load_le<std::uint32_t>(at + 32);
  header.meta_crc = load_le<std::uint32_t>(at + 36);
  header.body_crc = load_le<std::uint32_t>(at + 40);
  header.commit = Lsn{load_le<std::uint64_t>(at + 48)};
  header.time = {static_cast<std::int64_t>(load_le<std::uint64_t>(at + 56))};
  if (header.meta_bytes > kRecordMetaBytesMax || header.body_bytes > kRecordBodyBytesMax)
    return std::nullopt;
  return header;
}

const char* fault_of_header(const PlacedRecord& record, std::uint32_t seed) {
  RecordHeader header = record.header;
  // Further bytes of a header would be lost: it is written from its fields.
  if (header.header_bytes != kRecordHeaderBytes) return "a header of another length";
  std::array<std::byte, kRecordHeaderBytes> bytes;
  encode_header(header, seed, bytes);
  if (header.crc != record.header.crc) return "the checksum of its header is wrong";
  std::uint64_t body_bytes = 0;
  for (const SharedBytes& part : record.body) body_bytes += part->size();
  if (header.meta_bytes != record.meta.size() || header.body_bytes != body_bytes)
    return "not as long as its header says";
  if (header.meta_bytes > kRecordMetaBytesMax || header.body_bytes > kRecordBodyBytesMax)
    return "above the limits";
  if ((header.body_bytes > 0) != ((header.flags & kHasBody) != 0))
    return "its flags do not fit its body";
  // Recovery would take such a field for a proof of what was durable.
  if (header.commit > header.lsn) return "its commit point is behind it";
  return nullptr;
}

Result<void> verify(const PlacedRecord& record, std::uint32_t seed) {
  const auto wrong = [&](const char* why, ErrorCode code = ErrorCode::kCorrupt) {
    return Error{code, "the record for lsn " + to_string(record.header.lsn) + ": " + why};
  };
  if (const char* fault = fault_of_header(record, seed))
    return wrong(fault, record.header.header_bytes > kRecordHeaderBytes ? ErrorCode::kUnsupported
                                                                        : ErrorCode::kCorrupt);
  if (crc32c(as_bytes(record.meta)) != record.header.meta_crc)
    return wrong("the checksum of its meta is wrong");
  std::uint32_t body_crc = 0;
  for (const SharedBytes& part : record.body) body_crc = crc32c_extend(body_crc, as_bytes(*part));
  if (body_crc != record.header.body_crc) return wrong("the checksum of its body is wrong");
  return {};
}

void append_record(std::string& to, const PlacedRecord& record, std::uint32_t seed) {
  RecordHeader header = record.header;
  std::array<std::byte, kRecordHeaderBytes> bytes;
  encode_header(header, seed, bytes);
  to += as_text(bytes);
  to += record.meta;
  to.append(pad8(record.meta.size()) - record.meta.size(), '\0');
  for (const SharedBytes& part : record.body) to += *part;
  to.append(pad8(header.body_bytes) - header.body_bytes, '\0');
}

}  // namespace everpost::storage
