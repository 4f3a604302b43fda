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

// Who waits for an answer. It is given once, by whoever is first: the one who has it, or the sweep
// that finds the deadline passed (a change may still happen then).
class Waiting {
 public:
  explicit Waiting(std::chrono::steady_clock::time_point deadline) : deadline_(deadline) {}
  virtual ~Waiting() = default;
  bool answered() const { return answered_.load(std::memory_order_acquire); }
  std::chrono::steady_clock::time_point deadline() const { return deadline_; }
  virtual void fail(Error error) = 0;

 protected:
  std::atomic<bool> answered_{false};

 private:
  const std::chrono::steady_clock::time_point deadline_;
};

template <class T>
class WaiterFor : public Waiting {
 public:
  using Done = std::move_only_function<void(Result<T>)>;
  WaiterFor(Done done, std::chrono::steady_clock::time_point deadline)
      : Waiting(deadline), done_(std::move(done)) {}

  void answer(Result<T> result) {
    if (answered_.exchange(true, std::memory_order_acq_rel)) return;
    // The handler goes now: it holds its executor's context at work, and this waiter may stay for
    // as long as a disk hangs.
    Done done = std::exchange(done_, nullptr);
    done(std::move(result));
  }
  void fail(Error error) override { answer(std::move(error)); }

 private:
  Done done_;
};

using Waiter = WaiterFor<Committed>;  // for a proposal
using ReadWaiter = WaiterFor<Lsn>;    // for the right to answer a read: what it was confirmed at

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
