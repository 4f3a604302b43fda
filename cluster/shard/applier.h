// Applies a shard's committed records to its index, in order, answers those who wait and tells
// those who watch; makes checkpoints. One thread, the only one that writes the index.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cluster/shard/proposal.h"
#include "cluster/shard/watchers.h"

namespace everpost::cluster {

class Applier {
 public:
  static constexpr std::size_t kBacklogMax = 50'000;  // records; beyond it add() blocks
  static constexpr std::uint64_t kCheckpointBytes = 64 << 20;
  static constexpr auto kCheckpointEvery = std::chrono::seconds{10};

  Applier(storage::Replica& replica, std::shared_ptr<Watchers> watchers,
          std::function<void(const Error&)> failed);
  ~Applier();

  // From the log's thread. After a failure it answers with it at once, as whatever waited was
  // answered: nothing more is applied.
  void add(std::vector<CommittedRecord> records);
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
  Result<void> checkpoint();
  void fail(const Error& error);

  storage::Replica& replica_;
  const std::shared_ptr<Watchers> watchers_;
  const std::function<void(const Error&)> failed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, drained_;
  std::vector<CommittedRecord> backlog_;
  bool busy_ = false, stopping_ = false;
  std::optional<Error> broken_;
  Lsn checkpoint_lsn_;
  Stats stats_;
  std::thread thread_;
};

}  // namespace everpost::cluster
