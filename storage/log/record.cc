#include "storage/log/record.h"

#include "base/crc32c.h"

namespace everpost::storage {

std::uint32_t NewRecord::body_bytes() const {
  std::uint64_t bytes = 0;
  for (const SharedBytes& part : body) bytes += part->size();
  // Far above the limit it only has to stay there.
  return bytes > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(bytes);
}

void NewRecord::seal() {
  meta_crc = crc32c(as_bytes(meta));
  body_crc = 0;
  for (const SharedBytes& part : body) body_crc = crc32c_extend(body_crc, as_bytes(*part));
  if (body_bytes() > 0)
    flags |= kHasBody;
  else
    flags &= static_cast<std::uint8_t>(~kHasBody);
}

}  // namespace everpost::storage
