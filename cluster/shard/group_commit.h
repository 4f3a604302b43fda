// Group commit: one thread that owns a shard's log. While one group is being synced the next one
// gathers; no timers. Replicated, this is where a group would be sent to the backups as well.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "cluster/shard/proposal.h"
#include "cluster/shard/waiting_bytes.h"
#include "storage/log/log.h"

namespace everpost::cluster {

class GroupCommit {
 public:
  // Bounds of what waits for its group; beyond them a proposal is answered with kBusy.
  static constexpr std::size_t kWaitingMax = 10'000;
  // Half of what all shards of the node have together (waiting_bytes.h): a shard whose disk hangs
  // leaves the others something.
  static constexpr std::uint64_t kWaitingBytesMax = WaitingBytes::kMax / 2;
  static constexpr std::size_t kGroupRecordsMax = 1024;
  static constexpr std::uint64_t kGroupBytesMax = 4 << 20;

  struct Callbacks {
    // A group is durable up to `durable`, hence committed. Runs on this thread; may block it (that
    // is the back-pressure of the applier).
    std::function<void(Lsn durable, std::vector<CommittedRecord> records)> committed;
    // Write or sync failed: nobody knows what is on the disk. Called once; the thread ends.
    std::function<void(const Error& error)> failed;
  };

  //   last_time   of the newest record: times never run backwards in a log (H45)
  //   node_bytes  shared with the node's other shards; outlives this
  GroupCommit(storage::Log& log, Epoch epoch, WallTime last_time, WaitingBytes& node_bytes,
              Callbacks callbacks);
  ~GroupCommit();

  // Any thread. The waiter is answered in any case.
  void propose(Proposal proposal);
  // Answers what still waits with kUnavailable and joins the thread. Once.
  void stop();

  struct Stats {
    std::uint64_t groups = 0, records = 0, bytes = 0;
    std::uint64_t waiting = 0;
    std::uint64_t sync_micros = 0;  // spent in fdatasync, all groups together
  };
  Stats stats() const;

 private:
  void run();
  std::vector<Proposal> next_group();
  bool commit(std::vector<Proposal> group);
  WallTime next_time(WallTime wanted);
  void refuse(std::vector<Proposal> group, const Error& error);

  storage::Log& log_;
  const Epoch epoch_;
  WaitingBytes& node_bytes_;
  const Callbacks callbacks_;
  WallTime last_time_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Proposal> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  bool stopping_ = false;
  Stats stats_;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace everpost::cluster
