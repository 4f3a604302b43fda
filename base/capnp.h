// Cap'n Proto for the whole program: include this before any generated header.
//
// Cap'n Proto 0.9's blob.h compares a `const char*` with a kj::StringPtr in that order, which
// C++20's rewritten comparisons make ambiguous; the declarations below settle it.
#pragma once

#include <kj/string.h>

namespace kj {
inline bool operator==(const char* a, const StringPtr& b) { return b == StringPtr(a); }
inline bool operator!=(const char* a, const StringPtr& b) { return !(b == StringPtr(a)); }
}  // namespace kj

#include <capnp/message.h>
#include <capnp/serialize-packed.h>
#include <capnp/serialize.h>
