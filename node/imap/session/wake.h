// How a mailbox's changes reach the session that has it selected: a flag that a thread of the shard
// sets, and a timer that IDLE waits on. The watch's callback and the session share it, so that a
// callback that comes late finds something.
#pragma once

#include <atomic>
#include <memory>

#include "base/asio.h"

namespace everpost::node::imap {

class Wake : public std::enable_shared_from_this<Wake> {
 public:
  explicit Wake(asio::any_io_executor session) : timer_(std::move(session)) {}

  // From any thread.
  void notify() {
    if (changed_.exchange(true)) return;
    asio::post(timer_.get_executor(), [self = shared_from_this()] { self->timer_.cancel(); });
  }

  // From the session.
  bool changed() const { return changed_; }
  bool take() { return changed_.exchange(false); }  // before the changes are read
  asio::steady_timer& timer() { return timer_; }

 private:
  std::atomic<bool> changed_{false};
  asio::steady_timer timer_;
};

}  // namespace everpost::node::imap
