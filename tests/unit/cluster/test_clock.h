// A clock that a test moves.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace everpost::cluster {

class TestClock : public Clock {
 public:
  WallTime wall() const override { return {wall_}; }
  Micros steady() const override { return Micros{steady_}; }
  // Time goes by.
  void pass(Micros time) {
    wall_ += time.count();
    steady_ += time.count();
  }
  // Somebody sets the clock.
  void jump(Micros by) { wall_ += by.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'700'000'000'000'000}, steady_{1'000'000};
};

}  // namespace everpost::cluster
