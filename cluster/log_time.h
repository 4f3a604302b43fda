// The time that this node's records and op_ids carry (H45): the machine's clock, except that it
// never goes back, not even behind the newest record of any shard. So a clock that was ahead for a
// while and is set right again stops nobody: times stand still until the clock has caught up, while
// operations with ids of the true hour would be refused as being older than the floor.
//
// A clock that jumps ahead must not make things expire. It is believed once it has stood by its
// claim for a day; until then trusted() says no, and the log says why.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace everpost::cluster {

class LogTime {
 public:
  static constexpr Micros kJumpMax = std::chrono::hours{1};
  static constexpr Micros kBelievedAfter = std::chrono::hours{24};

  explicit LogTime(const Clock& clock = system_clock());

  // A record of this time exists.
  void saw(WallTime time);
  WallTime now();
  // May things expire by now()? Asked about once an hour or more often.
  bool trusted();

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> newest_micros_{0};
  std::atomic<bool> behind_{false};

  std::mutex mutex_;  // the rest
  Micros start_wall_, start_steady_;
  std::optional<Micros> distrusted_since_;  // steady
};

}  // namespace everpost::cluster
