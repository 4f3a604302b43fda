// The hash of one key and value, of which the state digest is the XOR (index.h).
#pragma once

#include <string_view>

#include "storage/index/index.h"

namespace everpost::storage {

inline void operator^=(StateDigest& a, const StateDigest& b) {
  a.low ^= b.low;
  a.high ^= b.high;
}

// XXH3-128 of the key's bytes followed by the value's, seeded with the key's length, so that no
// byte can move from one to the other unseen. Keys that the digest does not cover hash to nothing.
//   entry      key and value, one after the other
//   key_bytes  how much of it is the key
StateDigest hash_entry(std::string_view entry, std::size_t key_bytes);
// The same for a key and a value that are apart; `scratch` is overwritten.
StateDigest hash_entry(std::string_view key, std::string_view value, std::string& scratch);

}  // namespace everpost::storage
