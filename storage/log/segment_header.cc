#include "storage/log/segment_header.h"

#include <charconv>

#include "base/crc32c.h"

namespace everpost::storage {
namespace {

constexpr std::string_view kMagic = "MLOGSEG1";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kCrcAt = 92;

template <class T>
std::optional<T> parse_hex(std::string_view digits) {
  for (const char c : digits)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  T value{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::array<std::byte, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header) {
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  std::byte* at = bytes.data();
  std::memcpy(at, kMagic.data(), kMagic.size());
  store_le(at + 8, kFormat);
  store_le(at + 10, static_cast<std::uint16_t>(kSegmentHeaderBytes / 8));
  store_le(at + 12, header.flags);
  std::memcpy(at + 16, header.identity.cluster.data(), 16);
  std::memcpy(at + 32, header.identity.disk.data(), 16);
  store_le(at + 48, header.identity.shard.value);
  store_le(at + 52, header.identity.lineage.value);
  store_le(at + 56, header.epoch.value);
  store_le(at + 60, header.start.crc);
  store_le(at + 64, header.start.end.value);
  store_le(at + 72, static_cast<std::uint64_t>(header.start.time.micros));
  store_le(at + 80, header.start.commit.value);
  store_le(at + 88, header.group_bytes_max);
  store_le(at + kCrcAt, crc32c(Bytes(bytes).first(kCrcAt)));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(Bytes bytes) {
  const auto corrupt = [](const char* why) { return Error{ErrorCode::kCorrupt, why}; };
  if (bytes.size() < kSegmentHeaderBytes) return corrupt("the file ends within the segment header");
  const std::byte* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) return corrupt("not a log segment");
  if (load_le<std::uint32_t>(at + kCrcAt) != crc32c(bytes.first(kCrcAt)))
    return corrupt("the segment header's checksum is wrong");
  const auto format = load_le<std::uint16_t>(at + 8);
  if (format != kFormat || load_le<std::uint16_t>(at + 10) != kSegmentHeaderBytes / 8)
    return Error{ErrorCode::kUnsupported, "segment format " + std::to_string(format) +
                                              " is newer than this program; it reads format 1"};
  SegmentHeader header;
  header.flags = load_le<std::uint32_t>(at + 12);
  std::memcpy(header.identity.cluster.data(), at + 16, 16);
  std::memcpy(header.identity.disk.data(), at + 32, 16);
  header.identity.shard = ShardId{load_le<std::uint32_t>(at + 48)};
  header.identity.lineage = Lineage{load_le<std::uint32_t>(at + 52)};
  header.epoch = Epoch{load_le<std::uint32_t>(at + 56)};
  header.start.crc = load_le<std::uint32_t>(at + 60);
  header.start.end = Lsn{load_le<std::uint64_t>(at + 64)};
  header.start.time = {static_cast<std::int64_t>(load_le<std::uint64_t>(at + 72))};
  header.start.commit = Lsn{load_le<std::uint64_t>(at + 80)};
  header.group_bytes_max = load_le<std::uint32_t>(at + 88);
  return header;
}

std::string segment_name(const SegmentHeader& header) {
  return hex(header.base().value) + "-" + hex(std::uint64_t{header.epoch.value}).substr(8) + ".seg";
}

std::optional<SegmentName> parse_segment_name(std::string_view name) {
  if (name.size() != 29 || name[16] != '-' || !name.ends_with(".seg")) return std::nullopt;
  const auto base = parse_hex<std::uint64_t>(name.substr(0, 16));
  const auto epoch = parse_hex<std::uint32_t>(name.substr(17, 8));
  if (!base || !epoch) return std::nullopt;
  return SegmentName{Lsn{*base}, Epoch{*epoch}};
}

}  // namespace everpost::storage
