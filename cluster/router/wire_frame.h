// The frame around a request or an answer (mail_wire.h): a version, a Cap'n Proto message, attached
// bytes. And what the encoders and decoders have in common.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/capnp.h"
#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster::frame {

enum class Kind : std::uint8_t { kRequest = 1, kAnswer = 2 };

std::string build(Kind kind, capnp::MessageBuilder& message,
                  std::span<const std::string_view> attached);

struct Parts {
  std::string_view message;  // whole words
  std::string_view attached;
};
// Errors: kCorrupt, kLimit (above `bytes_max`), kUnsupported (a newer version).
Result<Parts> split(Kind kind, std::string_view bytes, std::size_t bytes_max);

Error corrupt(std::string_view what);
Error beyond(std::string_view what, std::size_t limit);

// Calls `read` with the root of a message. Whatever is wrong with it is a kCorrupt.
template <class Root, class Read>
auto with_root(std::string_view message, Read read)
    -> decltype(read(std::declval<typename Root::Reader>())) {
  const std::size_t words = message.size() / sizeof(capnp::word);
  kj::ArrayPtr<const capnp::word> view(reinterpret_cast<const capnp::word*>(message.data()), words);
  kj::Array<capnp::word> aligned;
  if (reinterpret_cast<std::uintptr_t>(message.data()) % alignof(capnp::word) != 0) {
    aligned = kj::heapArray<capnp::word>(words);
    std::memcpy(aligned.begin(), message.data(), message.size());
    view = aligned;
  }
  // Each part is looked at once or twice; a message that refers to the same part over and over
  // would be read for ever.
  capnp::ReaderOptions options;
  options.traversalLimitInWords = words * 4 + 64;
  options.nestingLimit = 16;
  try {
    capnp::FlatArrayMessageReader reader(view, options);
    return read(reader.getRoot<Root>());
  } catch (const kj::Exception& exception) {
    return corrupt(exception.getDescription().cStr());
  }
}

// Text may hold NUL bytes; capnp's own conversion from a C string would stop there.
inline capnp::Text::Reader text(std::string_view from) { return {from.data(), from.size()}; }
inline capnp::Data::Reader blob(std::string_view from) {
  return {reinterpret_cast<const kj::byte*>(from.data()), from.size()};
}
inline capnp::Data::Reader blob(const std::array<std::byte, 16>& id) {
  return blob(as_text(Bytes(id)));
}
inline std::string_view view(capnp::Data::Reader from) {
  return {from.asChars().begin(), from.size()};
}

Result<std::string> text(capnp::Text::Reader from, std::string_view what, std::size_t bytes_max);
Result<std::array<std::byte, 16>> id16(capnp::Data::Reader from, std::string_view what);

}  // namespace everpost::cluster::frame
