// CRC32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720 §12.1: crc32c("123456789")
// is 0xE3069283. Uses the processor's instruction where there is one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace everpost {

// The checksum of `before`'s bytes followed by `bytes`, where `crc` is crc32c(before).
std::uint32_t crc32c_extend(std::uint32_t crc, Bytes bytes);

inline std::uint32_t crc32c(Bytes bytes) { return crc32c_extend(0, bytes); }

// The checksum of two pieces joined, from the checksums of the pieces and the second one's length.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace everpost
