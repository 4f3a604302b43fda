// Keeps work in the background to a rate, so that it leaves the disk to those who wait for it.
// wait() from one thread, stop() from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace everpost::cluster {

class Pacer {
 public:
  struct Rate {  // 0: no bound
    std::uint64_t bytes_per_second = 0;
    std::uint64_t calls_per_second = 0;
  };
  explicit Pacer(Rate rate) : rate_(rate) {}

  // So much was done: sleeps for as long as it may take at the rate. False: stop().
  bool wait(std::uint64_t bytes, std::uint64_t calls) {
    double seconds = 0;
    if (rate_.bytes_per_second > 0)
      seconds = static_cast<double>(bytes) / static_cast<double>(rate_.bytes_per_second);
    if (rate_.calls_per_second > 0)
      seconds = std::max(seconds,
                         static_cast<double>(calls) / static_cast<double>(rate_.calls_per_second));
    return sleep(std::chrono::duration<double>(seconds));
  }
  bool sleep(std::chrono::duration<double> time) {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, time, [this] { return stopped_; });
  }
  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  }

 private:
  const Rate rate_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
};

}  // namespace everpost::cluster
