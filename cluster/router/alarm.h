// Wakes one coroutine, from any thread. Ringing while nobody waits counts for the next wait.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "base/asio.h"

namespace everpost::cluster {

class Alarm : public std::enable_shared_from_this<Alarm> {
 public:
  // `strand`: where the waiting coroutine runs, one thing at a time.
  explicit Alarm(asio::any_io_executor strand) : timer_(std::move(strand)) {}

  void ring() {
    asio::post(timer_.get_executor(), [self = shared_from_this()] { self->ring_here(); });
  }
  // The same, for those who are on the strand.
  void ring_here() {
    rung_ = true;
    timer_.cancel();
  }

  // Whether it was rung, before or within `at_most`.
  asio::awaitable<bool> wait(std::chrono::microseconds at_most) {
    if (!rung_) {
      timer_.expires_after(at_most);
      co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return std::exchange(rung_, false);
  }

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

}  // namespace everpost::cluster
