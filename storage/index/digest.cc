#include "storage/index/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"
#include "storage/index/keys.h"

namespace everpost::storage {

StateDigest hash_entry(std::string_view entry, std::size_t key_bytes) {
  if (!keys::in_digest(entry.substr(0, key_bytes))) return {};
  const XXH128_hash_t hash = XXH3_128bits_withSeed(entry.data(), entry.size(), key_bytes);
  return {hash.low64, hash.high64};
}

StateDigest hash_entry(std::string_view key, std::string_view value, std::string& scratch) {
  scratch.assign(key);
  scratch.append(value);
  return hash_entry(scratch, key.size());
}

std::string to_string(const StateDigest& digest) { return hex(digest.high) + hex(digest.low); }

}  // namespace everpost::storage
