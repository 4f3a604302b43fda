// What systemd is told (sd_notify(3)); without systemd nothing happens.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "node/runtime/io_threads.h"

namespace everpost::node::service_manager {

void ready(const std::string& status);
void status(const std::string& status);
void stopping(const std::string& status);

// While it lives, a long start is said to be under way, to systemd (which else would give up) and
// in the log.
class StartingTicker {
 public:
  StartingTicker();
  ~StartingTicker();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

// Tells systemd's watchdog that the I/O threads are alive: only if each has run something since the
// last time. Does nothing when systemd asks for no watchdog.
class Watchdog {
 public:
  Watchdog(asio::io_context& context, IoThreads& threads);
  void start();

 private:
  void tick();

  asio::steady_timer timer_;
  IoThreads& threads_;
  std::optional<std::chrono::microseconds> every_;
  std::shared_ptr<std::atomic<std::size_t>> answered_ =
      std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace everpost::node::service_manager
