// Bytes that were never written, or were given back, read as zero.
#pragma once

#include <cstring>

#include "base/bytes.h"

namespace everpost::storage {

// Nearly always all of it is zero, or the first byte is not: memcmp finds out quickest.
inline bool is_zero(Bytes bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace everpost::storage
