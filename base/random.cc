#include "base/random.h"

#include <sys/random.h>

#include "base/invariant.h"

namespace everpost {
namespace {

void fill(void* to, std::size_t bytes) {
  // Up to 256 bytes are returned whole once the kernel's pool is ready (getrandom(2)).
  INVARIANT(::getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes),
            "the kernel has no randomness");
}

}  // namespace

std::uint64_t random_u64() {
  std::uint64_t value;
  fill(&value, sizeof value);
  return value;
}

Uuid random_uuid() {
  Uuid id;
  fill(id.data(), id.size());
  return id;
}

}  // namespace everpost
