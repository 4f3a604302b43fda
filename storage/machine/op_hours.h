// The hours of operation ids (OpId::hour): since 1970, in a record's time.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace everpost::storage {

inline constexpr std::int64_t kMicrosPerHour = 3'600'000'000;

// Whole hours; of a time before 1970 towards zero.
constexpr std::int64_t hours(WallTime time) { return time.micros / kMicrosPerHour; }

}  // namespace everpost::storage
