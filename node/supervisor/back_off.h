// How long to wait before a worker that died is started again: not at all the first time, then
// 100 ms, doubling up to 30 s. A worker that was in good health for a minute starts the row anew.
#pragma once

#include <algorithm>
#include <chrono>

namespace everpost::node {

class BackOff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100}, kLongest{30'000};
  static constexpr std::chrono::seconds kHealthy{60};

  // served: how long the worker that has just died had served.
  std::chrono::milliseconds next(std::chrono::steady_clock::duration served) {
    if (served >= kHealthy) wait_ = {};
    const auto now = wait_;
    wait_ = std::clamp(2 * wait_, kFirst, kLongest);
    return now;
  }

 private:
  std::chrono::milliseconds wait_{0};
};

}  // namespace everpost::node
