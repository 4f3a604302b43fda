#include "cluster/router/wire_frame.h"

namespace everpost::cluster::frame {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr char kVersion = 1;

}  // namespace

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, "from another node: " + std::string(what)};
}
Error beyond(std::string_view what, std::size_t limit) {
  return {ErrorCode::kLimit,
          "from another node: more than " + std::to_string(limit) + " " + std::string(what)};
}

std::string build(Kind kind, capnp::MessageBuilder& message,
                  std::span<const std::string_view> attached) {
  const std::size_t words = capnp::computeSerializedSizeInWords(message);
  std::size_t size = kHeaderBytes + words * sizeof(capnp::word);
  for (const std::string_view bytes : attached) size += bytes.size();
  std::string out;
  out.reserve(size);
  out += kVersion;
  out += static_cast<char>(kind);
  out.append(2, '\0');
  append_le(out, static_cast<std::uint32_t>(words));
  out.resize(kHeaderBytes + words * sizeof(capnp::word));
  kj::ArrayOutputStream to(kj::arrayPtr(reinterpret_cast<kj::byte*>(out.data()) + kHeaderBytes,
                                        words * sizeof(capnp::word)));
  capnp::writeMessage(to, message);
  for (const std::string_view bytes : attached) out += bytes;
  return out;
}

Result<Parts> split(Kind kind, std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) return beyond("bytes", bytes_max);
  if (bytes.size() < kHeaderBytes) return corrupt("less than a header");
  if (bytes[0] != kVersion) {
    if (bytes[0] == 0) return corrupt("version 0");
    return Error{ErrorCode::kUnsupported, "from another node: a newer version of its protocol"};
  }
  if (bytes[1] != static_cast<char>(kind) || bytes[2] != 0 || bytes[3] != 0)
    return corrupt("not what was asked for");
  const std::uint64_t words = load_le<std::uint32_t>(as_bytes(bytes).data() + 4);
  bytes.remove_prefix(kHeaderBytes);
  const std::uint64_t message_bytes = words * sizeof(capnp::word);
  if (message_bytes > bytes.size()) return corrupt("less than its header says");
  return Parts{bytes.substr(0, message_bytes), bytes.substr(message_bytes)};
}

Result<std::string> text(capnp::Text::Reader from, std::string_view what, std::size_t bytes_max) {
  if (from.size() > bytes_max) return beyond("bytes of " + std::string(what), bytes_max);
  return std::string(from.begin(), from.size());
}

Result<std::array<std::byte, 16>> id16(capnp::Data::Reader from, std::string_view what) {
  std::array<std::byte, 16> id{};
  if (from.size() != id.size()) return corrupt(std::string(what) + " is not 16 bytes");
  std::memcpy(id.data(), from.begin(), id.size());
  return id;
}

}  // namespace everpost::cluster::frame
