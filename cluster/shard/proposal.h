// A change on its way through a shard: proposed, appended to the log, durable on every in-sync
// replica (committed), applied, answered.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/log/record.h"
#include "storage/replica/replica.h"

namespace everpost::cluster {

struct Committed {
  storage::RecordHeader header;
  storage::Applied applied;
};

// Who waits for a proposal. It is answered once, by whoever is first: the applier with the outcome,
// or the sweep that finds its deadline passed (then the change may still happen).
class Waiter {
 public:
  using Done = std::move_only_function<void(Result<Committed>)>;
  Waiter(Done done, std::chrono::steady_clock::time_point deadline)
      : done_(std::move(done)), deadline_(deadline) {}

  bool answered() const { return answered_.load(std::memory_order_acquire); }
  std::chrono::steady_clock::time_point deadline() const { return deadline_; }
  void answer(Result<Committed> result) {
    if (answered_.exchange(true, std::memory_order_acq_rel)) return;
    // The handler goes now: it holds its executor's context at work, and this waiter may stay for
    // as long as a disk hangs.
    Done done = std::exchange(done_, nullptr);
    done(std::move(result));
  }

 private:
  std::atomic<bool> answered_{false};
  Done done_;
  const std::chrono::steady_clock::time_point deadline_;
};

struct Proposal {
  storage::NewRecord record;  // sealed
  std::shared_ptr<Waiter> waiter;
  std::uint64_t bytes() const { return record.meta.size() + record.body_bytes(); }
};

// A record that is durable on every in-sync replica, with those who wait for it.
struct CommittedRecord {
  storage::RecordHeader header;
  SharedBytes meta;
  std::shared_ptr<Waiter> waiter;
};

}  // namespace everpost::cluster
