// How fast a message has to come, so that nobody keeps message memory from others by sending
// almost nothing. Pure: the time comes in.
#pragma once

#include <chrono>
#include <cstdint>

#include "node/smtp/limits.h"

namespace everpost::node::smtp {

// Looks at one stretch of time after the other, each at least kRateStretch long: what is gained by
// sending fast at first does not pay for a stall later.
class MinimumRate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit MinimumRate(TimePoint began) : began_(began) {}

  // `received`: bytes of the whole message so far. False: too few of them in this stretch.
  bool fast_enough(TimePoint now, std::uint64_t received) {
    const auto elapsed = now - began_;
    if (elapsed < kRateStretch) return true;
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(elapsed).count();
    if (received - received_ < static_cast<std::uint64_t>(minutes) * kBytesPerMinute) return false;
    began_ = now;
    received_ = received;
    return true;
  }

 private:
  TimePoint began_;             // of the stretch
  std::uint64_t received_ = 0;  // before it
};

}  // namespace everpost::node::smtp
