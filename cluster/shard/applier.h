// Applies a shard's committed records to its index, in order, answers those who wait and tells
// those who watch; makes checkpoints. One thread, the only one that writes the index.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "cluster/shard/proposal.h"
#include "cluster/shard/watchers.h"

namespace everpost::cluster {

class Applier {
 public:
  static constexpr std::size_t kBacklogMax = 50'000;  // records; beyond it there is no room
  static constexpr std::uint64_t kCheckpointBytes = 64 << 20;
  static constexpr auto kCheckpointEvery = std::chrono::seconds{10};

  //   singly_until  records before it are applied one at a time: one of them killed the process
  //                 (H48)
  //   applied       told after each batch
  Applier(storage::Replica& replica, std::shared_ptr<Watchers> watchers, Lsn singly_until,
          std::function<void(Lsn)> applied, std::function<void(const Error&)> failed);
  ~Applier();

  // Any thread; does not block. After a failure it answers with it at once, as whatever waited was
  // answered: nothing more is applied.
  void add(std::vector<CommittedRecord> records);
  // There is no room for more changes: whoever wants one is told to come back.
  bool crowded() const { return backlog_size_.load(std::memory_order_relaxed) >= kBacklogMax; }
  void wait_for_room();
  // Applies what was added, then joins the thread. Once.
  void stop();
  // Nothing added is unapplied.
  bool idle() const;

  struct Stats {
    std::uint64_t batches = 0, records = 0, backlog = 0, checkpoints = 0;
    std::uint64_t apply_micros = 0;
  };
  Stats stats() const;

 private:
  void run();
  Result<void> apply(std::vector<CommittedRecord> records);
  Result<std::vector<storage::Applied>> apply(std::span<const storage::Record> records);
  Result<void> checkpoint();
  void fail(const Error& error);

  storage::Replica& replica_;
  const std::shared_ptr<Watchers> watchers_;
  const Lsn singly_until_;
  const std::function<void(Lsn)> applied_;
  const std::function<void(const Error&)> failed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, drained_;
  std::vector<CommittedRecord> backlog_;
  std::atomic<std::size_t> backlog_size_{0};
  bool busy_ = false, stopping_ = false;
  std::optional<Error> broken_;
  Lsn checkpoint_lsn_;
  Stats stats_;
  std::thread thread_;
};

}  // namespace everpost::cluster
