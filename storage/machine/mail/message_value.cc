// The value of U/, by far the most frequent one: fixed positions, no varints.
//
//    0  u8   format, 1
//    1  u8   number of content extents here; 0: they are in the body's value
//    2  u16  system flags
//    4  u32  summary: bytes
//    8  u64  keywords
//   16  u64  modseq
//   24  i64  internal date, microseconds
//   32  i64  save date, microseconds
//   40  u64  size
//   48  16   guid
//   64  u64  body
//   72  u64  summary: position
//   80  u32  summary: CRC32C
//   84  the content's extents, each: u64 position, u32 bytes, u32 CRC32C
#include "storage/machine/mail/values.h"

namespace everpost::storage::mail {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kFixedBytes = 84;
constexpr std::size_t kExtentBytes = 16;
constexpr std::size_t kFlagsAt = 2, kKeywordsAt = 8, kModSeqAt = 16;

Result<void> check(std::string_view value) {
  if (value.empty()) return Error{ErrorCode::kCorrupt, "index: an empty message"};
  const auto format = static_cast<std::uint8_t>(value[0]);
  if (format > kFormat) return Error{ErrorCode::kUnsupported, "index: a newer format of message"};
  if (format != kFormat || value.size() < kFixedBytes ||
      value.size() != kFixedBytes + static_cast<std::uint8_t>(value[1]) * kExtentBytes)
    return Error{ErrorCode::kCorrupt, "index: a damaged message"};
  return {};
}

}  // namespace

std::string MessageValue::encode() const {
  const std::size_t extents = content.size() <= kInlineExtents ? content.size() : 0;
  std::string value(kFixedBytes + extents * kExtentBytes, '\0');
  auto* to = reinterpret_cast<std::byte*>(value.data());
  to[0] = std::byte{kFormat};
  to[1] = static_cast<std::byte>(extents);
  store_le(to + kFlagsAt, flags);
  store_le(to + 4, summary.bytes);
  store_le(to + kKeywordsAt, keywords);
  store_le(to + kModSeqAt, modseq.value);
  store_le(to + 24, static_cast<std::uint64_t>(internal_date.micros));
  store_le(to + 32, static_cast<std::uint64_t>(save_date.micros));
  store_le(to + 40, size);
  std::memcpy(to + 48, guid.data(), guid.size());
  store_le(to + 64, body.value);
  store_le(to + 72, summary.at.value);
  store_le(to + 80, summary.crc);
  to += kFixedBytes;
  for (std::size_t i = 0; i < extents; ++i, to += kExtentBytes) {
    store_le(to, content[i].at.value);
    store_le(to + 8, content[i].bytes);
    store_le(to + 12, content[i].crc);
  }
  return value;
}

Result<MessageValue> MessageValue::decode(std::string_view value) {
  RETURN_IF_ERROR(check(value));
  const std::byte* from = as_bytes(value).data();
  MessageValue message;
  message.flags = load_le<std::uint16_t>(from + kFlagsAt);
  message.keywords = load_le<std::uint64_t>(from + kKeywordsAt);
  message.modseq = ModSeq{load_le<std::uint64_t>(from + kModSeqAt)};
  message.internal_date = {static_cast<std::int64_t>(load_le<std::uint64_t>(from + 24))};
  message.save_date = {static_cast<std::int64_t>(load_le<std::uint64_t>(from + 32))};
  message.size = load_le<std::uint64_t>(from + 40);
  std::memcpy(message.guid.data(), from + 48, message.guid.size());
  message.body = Lsn{load_le<std::uint64_t>(from + 64)};
  message.summary = {Lsn{load_le<std::uint64_t>(from + 72)}, load_le<std::uint32_t>(from + 4),
                     load_le<std::uint32_t>(from + 80)};
  message.content.resize(std::to_integer<std::size_t>(from[1]));
  from += kFixedBytes;
  for (Extent& extent : message.content) {
    extent = {Lsn{load_le<std::uint64_t>(from)}, load_le<std::uint32_t>(from + 8),
              load_le<std::uint32_t>(from + 12)};
    from += kExtentBytes;
  }
  return message;
}

Result<MessageState> MessageState::decode(std::string_view value) {
  RETURN_IF_ERROR(check(value));
  const std::byte* from = as_bytes(value).data();
  return MessageState{load_le<std::uint16_t>(from + kFlagsAt),
                      load_le<std::uint64_t>(from + kKeywordsAt),
                      ModSeq{load_le<std::uint64_t>(from + kModSeqAt)}};
}

void MessageState::patch(std::string& value) const {
  auto* to = reinterpret_cast<std::byte*>(value.data());
  store_le(to + kFlagsAt, flags);
  store_le(to + kKeywordsAt, keywords);
  store_le(to + kModSeqAt, modseq.value);
}

}  // namespace everpost::storage::mail
