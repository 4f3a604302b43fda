// The only source of chance in a simulation: the same seed, the same run.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace everpost::simulation {

class Rng {
 public:
  // The seed is mixed first: those of neighbours would give one sequence, a step apart.
  explicit Rng(std::uint64_t seed) : state_(mix(seed ^ 0x5851f42d4c957f2d)) {}

  // SplitMix64 (Steele, Lea, Flood 2014).
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15); }
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }
  Micros time(Micros low, Micros high) {
    return Micros{static_cast<std::int64_t>(between(static_cast<std::uint64_t>(low.count()),
                                                    static_cast<std::uint64_t>(high.count())))};
  }
  // Exponentially distributed, never below `least`.
  Micros exponential(Micros least, Micros mean) {
    return least + Micros{static_cast<std::int64_t>(-std::log(1.0 - unit()) *
                                                    static_cast<double>(mean.count()))};
  }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace everpost::simulation
