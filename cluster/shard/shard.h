// One shard on this node: its replica, which leads or follows. propose() is the only way to change
// it.
//
// What a change goes through: propose() -> Driver (the replication core: appended, synced,
// committed) -> Applier (index, watchers) -> answer. docs/architecture.md has the picture.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "base/asio.h"
#include "cluster/coordinator/coordinator.h"
#include "cluster/log_time.h"
#include "cluster/shard/applier.h"
#include "cluster/shard/driver.h"
#include "cluster/shard/proposal.h"
#include "cluster/shard/watchers.h"
#include "storage/replica/replica.h"

namespace everpost::cluster {

// What was given back of the space of deleted mail, since the start.
struct ShardSpace {
  std::uint64_t rounds = 0, punches = 0, punched_bytes = 0;
  std::uint64_t waiting_bytes = 0;  // dead, in the undelete window or held otherwise
  bool collection_failed = false;   // it has ended, until the next start
};

// What was read to find rot, since the start.
struct ShardScrub {
  std::uint64_t bytes = 0, log_passes = 0, index_passes = 0;
  std::uint64_t findings = 0;
  bool failed = false;  // it has ended, until the next start
};

struct ShardStatus {
  ShardId shard;
  storage::ShardKind kind{};
  Driver::Standing standing;
  Epoch epoch;
  Lsn begin, end, durable, applied;
  std::string digest;  // of the state at `applied`
  storage::Log::Stats log;
  Driver::Stats groups;
  Applier::Stats apply;
  ShardSpace space;  // filled in by the node, as is scrub
  ShardScrub scrub;
  bool failed = false;
};

class Shard {
 public:
  // How long an operation may take before its client is told to try later; it may still happen.
  static constexpr std::chrono::seconds kDeadline{60};

  struct Options {
    storage::Env* env = nullptr;
    Coordinator* coordinator = nullptr;
    Messenger* messenger = nullptr;  // to the other replicas; null: a group of one
    LogTime* time = nullptr;
    WaitingBytes* waiting_bytes = nullptr;  // of all shards of the node
    Journal* journal = nullptr;             // of the node; may be null
    NodeId node;
    storage::ReplicaOptions replica;
    // The disk failed: the process must stop (a failed fdatasync is never retried). From any
    // thread.
    std::function<void(ShardId, const Error&)> failed;
  };

  // Recovers the replica and starts it. A group of one is then taken over: an epoch higher than any
  // before, in the coordinator and in the replica's meta, an EPOCH_START record committed,
  // everything before it applied. In a cluster it goes on by itself to follow or to lead. Blocks.
  static Result<std::unique_ptr<Shard>> open(const Options& options,
                                             storage::ReplicaRecovery& recovery);
  ~Shard();

  // Appends, commits and applies; resumes on the caller's executor. Errors: kBusy, kUnavailable,
  // kNoSpace, kTooLarge, kTimeout (it may still happen), kIo.
  Task<Committed> propose(storage::NewRecord record);
  // Returns once a read of the applied state is not stale. Errors: kNotPrimary, kTimeout, kBusy,
  // kUnavailable.
  Task<void> confirm_read();

  // From and about other replicas. Any thread.
  void receive(replication::Message message) { driver_->receive(std::move(message)); }
  void lost(NodeId peer) { driver_->lost(peer); }
  Result<void> transfer(NodeId target) { return driver_->transfer(target); }
  void tick() { driver_->tick(); }
  Driver::Standing standing() const { return driver_->standing(); }
  std::optional<NodeId> primary() const { return driver_->primary(); }
  // Whether this node is the shard's primary, and open.
  bool leads() const { return driver_->leads(); }

  storage::Replica& replica() { return *replica_; }
  Watchers& watchers() { return *watchers_; }
  ShardId id() const { return replica_->shard(); }

  // Answers operations whose deadline has passed. Called about once a second.
  void sweep(std::chrono::steady_clock::time_point now);
  // If the shard is idle and has changed since the last mark: notes in the log which state the
  // index is in, so that replicas (and recovery) can compare theirs.
  Task<void> mark_checkpoint();
  ShardStatus status() const;
  // Commits and applies what was accepted, then closes the replica cleanly. Once. Blocks.
  Result<void> stop();

 private:
  Shard(Options options, std::unique_ptr<storage::Replica> replica);
  // Whether this copy may lead at all, by the coordinator; a new shard's first copy is written
  // down.
  Result<void> check_configuration();
  void start(const storage::ReplicaRecovery& recovery);
  void on_failure(const Error& error);
  template <class T, class Handler>
  std::shared_ptr<WaiterFor<T>> make_waiter(Handler handler);

  const Options options_;
  std::unique_ptr<storage::Replica> replica_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
  std::atomic<bool> failed_{false};
  Lsn marked_;

  std::mutex deadlines_mutex_;
  std::deque<std::weak_ptr<Waiting>> deadlines_;  // in the order of their deadlines

  std::unique_ptr<Applier> applier_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace everpost::cluster
