// Time as the rest of the program sees it. Pure code takes times as arguments; only the edges ask a
// Clock, and tests hand them one that they move themselves.
#pragma once

#include <chrono>
#include <cstdint>

namespace everpost {

using Micros = std::chrono::microseconds;

// Microseconds since 1970 UTC. May jump: never used for a timeout or for safety.
struct WallTime {
  std::int64_t micros = 0;
  friend constexpr auto operator<=>(const WallTime&, const WallTime&) = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  // Never jumps; counts suspend time (CLOCK_BOOTTIME). For timeouts and durations.
  virtual Micros steady() const = 0;
};

// The machine's clocks. Lives for ever; callable from any thread.
const Clock& system_clock();

}  // namespace everpost
