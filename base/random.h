// Randomness from the kernel, for ids and keys. Deterministic code takes its randomness as an
// input.
#pragma once

#include "base/ids.h"

namespace everpost {

std::uint64_t random_u64();
Uuid random_uuid();

}  // namespace everpost
