#include "base/bytes.h"

namespace everpost {

std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(b) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(b) & 15]);
  }
  return text;
}

std::string hex(std::uint64_t value) {
  std::byte raw[8];
  store_be(raw, value);
  return hex(Bytes(raw));
}

}  // namespace everpost
