// Who still needs a state of the index, or a part of the log, that garbage collection would take
// the bodies of: readers for as long as they live, and those who make a copy of this replica, with
// a deadline. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/ids.h"

namespace everpost::storage {

class Pins : public std::enable_shared_from_this<Pins> {
 public:
  // Nothing that was referred to in the index's state at `applied` is given back until the handle
  // is gone. Taken before the snapshot of the index, with the applied LSN of that moment.
  std::shared_ptr<const void> hold(Lsn applied);

  // The same for a copy that is being made (seeding), which also needs the log from `log_from` on.
  // It ends by itself at `until` (Clock::steady), so that a receiver that went away does not stop
  // the collection for ever; progress extends it.
  using Lease = std::uint64_t;
  Lease lease(Lsn applied, Lsn log_from, Micros until);
  // False: it has ended, and what it held may be gone. The copy has to be begun anew.
  bool extend(Lease lease, Micros until, Micros now);
  void end(Lease lease);

  struct Oldest {
    std::optional<Lsn> applied;   // only what was killed before it may be given back
    std::optional<Lsn> log_from;  // segments from here on stay
  };
  Oldest oldest(Micros now);

 private:
  struct Leased {
    Lsn applied, log_from;
    Micros until{};
  };
  std::mutex mutex_;
  std::multiset<Lsn> held_;
  std::map<Lease, Leased> leases_;
  Lease last_ = 0;
};

}  // namespace everpost::storage
