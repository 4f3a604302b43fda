#include "cluster/log_time.h"

#include "base/log.h"

namespace everpost::cluster {
namespace {

constexpr std::int64_t kBehindTolerated = 5'000'000;

}  // namespace

LogTime::LogTime(const Clock& clock)
    : clock_(clock), start_wall_(clock.wall().micros), start_steady_(clock.steady()) {}

void LogTime::saw(WallTime time) {
  std::int64_t newest = newest_micros_.load(std::memory_order_relaxed);
  while (newest < time.micros && !newest_micros_.compare_exchange_weak(newest, time.micros)) {
  }
}

WallTime LogTime::now() {
  const WallTime wall = clock_.wall();
  saw(wall);
  const WallTime newest{newest_micros_.load()};
  const bool behind = wall.micros + kBehindTolerated < newest.micros;
  if (behind != behind_.load(std::memory_order_relaxed) && !behind_.exchange(behind) && behind)
    log::warning(
        "this machine's clock is behind the log's last record: set the clock right; if it is, "
        "times of new mail stand still until it has caught up",
        {{"seconds", (newest.micros - wall.micros) / 1'000'000}});
  return newest;
}

bool LogTime::trusted() {
  const std::scoped_lock lock(mutex_);
  const Micros wall{clock_.wall().micros}, steady = clock_.steady();
  const Micros ahead = (wall - start_wall_) - (steady - start_steady_);
  const bool jumped = ahead > kJumpMax;
  // now() stays where a clock that was ahead has taken it: by it things would expire too early.
  const Micros newest{newest_micros_.load()};
  if (newest - wall > kJumpMax) {
    start_wall_ = wall;
    start_steady_ = steady;
    distrusted_since_.reset();
    return false;
  }
  if (jumped && !distrusted_since_) {
    distrusted_since_ = steady;
    log::error("this machine's clock has jumped ahead: nothing expires until it is believed",
               {{"seconds", ahead.count() / 1'000'000},
                {"remedy",
                 "set the clock right (NTP). A clock that is right now is believed in a "
                 "day, or after a restart"}});
  }
  if (jumped && steady - *distrusted_since_ < kBelievedAfter) return false;
  if (!jumped && ahead >= Micros{0}) {
    distrusted_since_.reset();
    return true;
  }
  // Set back, or believed: from here on it is measured anew.
  distrusted_since_.reset();
  start_wall_ = wall;
  start_steady_ = steady;
  return true;
}

}  // namespace everpost::cluster
