// Which part of a replica's log must stay, though nothing here needs it any more: another copy is
// being made from it. A pin ends by itself when nobody renews it. Any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include "base/ids.h"

namespace everpost::storage {

class LogPins {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Whoever looks at the log next sees everything from `from` on, until `until`. Renews, too.
  void pin(std::uint64_t id, Lsn from, Time until) {
    const std::scoped_lock lock(mutex_);
    pins_[id] = {from, until};
  }
  void release(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    pins_.erase(id);
  }
  // Nothing at or behind it may be freed. None: no pin at all.
  std::optional<Lsn> lowest(Time now) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(pins_, [&](const auto& entry) { return entry.second.until <= now; });
    std::optional<Lsn> lowest;
    for (const auto& [id, pin] : pins_)
      if (!lowest || pin.from < *lowest) lowest = pin.from;
    return lowest;
  }

 private:
  struct Pin {
    Lsn from;
    Time until;
  };
  std::mutex mutex_;
  std::map<std::uint64_t, Pin> pins_;
};

}  // namespace everpost::storage
