// Arbitrary bytes as a message of a replica. What is taken can be encoded and decoded again, the
// same; its records are what their checksums say.
//
// With an odd first byte the checksums of records are made right where the sizes allow it, or
// nearly every input would end at the first of them.
#include <cstdlib>

#include "base/crc32c.h"
#include "cluster/transport/message_codec.h"
#include "storage/log/record_codec.h"

namespace everpost::cluster {
namespace {

constexpr ShardId kShard{3};
constexpr Uuid kCluster{std::byte{1}, std::byte{2}, std::byte{3}};
constexpr Lineage kLineage{2};

void require(bool holds) {
  if (!holds) std::abort();
}

// Whatever begins like a record's header (its 7th byte says how long it is) gets the checksums of
// what follows: meta and body are behind it in this order when encode() has made it.
void fix(std::string& bytes) {
  storage::LogIdentity identity;
  identity.cluster = kCluster;
  identity.shard = kShard;
  identity.lineage = kLineage;
  const std::uint32_t seed = storage::header_seed(identity);
  auto* start = reinterpret_cast<std::byte*>(bytes.data());
  std::uint32_t chain = 0;
  bool first = true;
  for (std::size_t at = 0; at + storage::kRecordHeaderBytes <= bytes.size(); at += 8) {
    std::byte* header = start + at;
    if (header[7] != std::byte{storage::kRecordHeaderBytes / 8}) continue;
    const std::uint64_t meta = load_le<std::uint32_t>(header + 28);
    const std::uint64_t body = load_le<std::uint32_t>(header + 32);
    const std::uint64_t meta_at = at + storage::kRecordHeaderBytes;
    const std::uint64_t body_at = meta_at + pad8(meta);
    if (body_at + body > bytes.size()) continue;
    if (!first) store_le(header + 24, chain);
    store_le(header + 36, crc32c(Bytes(start + meta_at, meta)));
    store_le(header + 40, crc32c(Bytes(start + body_at, body)));
    store_le(header + 44, std::uint32_t{0});
    chain = crc32c_extend(seed, Bytes(header + 4, storage::kRecordHeaderBytes - 4));
    store_le(header, chain);
    first = false;
    at = body_at + pad8(body) - 8;
  }
}

void check(const std::vector<replication::LogRecordPtr>& records) {
  for (const auto& record : records) {
    require(crc32c(as_bytes(record->meta)) == record->header.meta_crc);
    std::uint32_t crc = 0;
    for (const SharedBytes& part : record->body) crc = crc32c_extend(crc, as_bytes(*part));
    require(crc == record->header.body_crc);
  }
}

}  // namespace
}  // namespace everpost::cluster

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace everpost;
  using namespace everpost::cluster;
  if (size < 1) return 0;
  std::string input(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] & 1) fix(input);
  const auto message = decode(as_bytes(input), kCluster, kShard);
  if (!message) return 0;
  if (const auto* append = std::get_if<replication::Append>(&message->payload))
    check(append->records);
  if (const auto* range = std::get_if<replication::Range>(&message->payload)) check(range->records);
  const std::string encoded = encode(*message, kCluster, kShard);
  const auto again = decode(as_bytes(encoded), kCluster, kShard);
  require(again.has_value());
  require(encode(*again, kCluster, kShard) == encoded);
  return 0;
}
