// Calls a function, from a thread of its own, unless it is destroyed in time: for what blocks and
// cannot be interrupted.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace everpost::cluster {

class Overdue {
 public:
  Overdue(std::chrono::milliseconds limit, std::move_only_function<void()> late)
      : thread_([this, limit, late = std::move(late)](const std::stop_token& in_time) mutable {
          std::unique_lock lock(mutex_);
          wake_.wait_for(lock, in_time, limit, [] { return false; });
          if (!in_time.stop_requested()) late();
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: ends first
};

}  // namespace everpost::cluster
