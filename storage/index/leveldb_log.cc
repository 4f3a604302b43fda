#include "storage/index/leveldb_log.h"

#include "base/crc32c.h"

namespace everpost::storage {
namespace {

constexpr std::size_t kBlockBytes = 32 << 10;
constexpr std::size_t kHeaderBytes = 7;  // crc 4, length 2, type 1
enum FragmentType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// LevelDB stores checksums rotated and shifted, so that the CRC of bytes with CRCs in them is
// sound.
std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace

Result<LevelDbLogCheck> check_leveldb_log(File& file) {
  LevelDbLogCheck check;
  ASSIGN_OR_RETURN(check.file_bytes, file.size());
  std::vector<std::byte> buffer(kBlockBytes);
  bool in_record = false;  // after FIRST or MIDDLE
  for (std::uint64_t block = 0; block < check.file_bytes; block += kBlockBytes) {
    ASSIGN_OR_RETURN(const std::size_t got, file.read(block, buffer));
    std::size_t at = 0;
    while (got - at >= kHeaderBytes) {
      check.good_bytes = block + at;
      const std::byte* header = buffer.data() + at;
      const std::size_t length = load_le<std::uint16_t>(header + 4);
      const auto type = std::to_integer<std::uint8_t>(header[6]);
      if (type < kFull || type > kLast || length > got - at - kHeaderBytes) return check;
      if (in_record != (type == kMiddle || type == kLast)) return check;
      if (crc32c(Bytes(header + 6, 1 + length)) != unmask(load_le<std::uint32_t>(header)))
        return check;
      in_record = type == kFirst || type == kMiddle;
      at += kHeaderBytes + length;
    }
    // Fewer bytes than a header: padding at a block's end, a torn header at the file's.
    check.good_bytes = block + (got == kBlockBytes ? got : at);
    if (got < kBlockBytes && at != got) return check;
  }
  check.whole = !in_record;
  return check;
}

}  // namespace everpost::storage
