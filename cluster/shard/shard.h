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
#include "cluster/shard/other_copies.h"
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

// How often this copy was put right from another one since the start.
struct RepairStats {
  std::uint64_t bodies = 0, records = 0;  // mended on the disk: parts of messages, of the log
  std::uint64_t failed = 0;               // could not be mended
  std::uint64_t served = 0;               // reads that another copy answered
};

// A copy that is being made from another one (cluster/copies/seeder.h).
struct SeedProgress {
  NodeId source;
  std::uint64_t done = 0, total = 0;  // bytes; of the index, nobody knows before
  double bytes_per_second = 0;
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
  RepairStats repairs;
  std::optional<SeedProgress> seeding;
};

class Shard {
 public:
  // How long an operation may take before its client is told to try later; it may still happen.
  static constexpr std::chrono::seconds kDeadline{60};

  struct Options {
    storage::Env* env = nullptr;
    Coordinator* coordinator = nullptr;
    Messenger* messenger = nullptr;  // to the other replicas; null: a group of one
    OtherCopies* copies = nullptr;   // with a messenger
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
  void receive(replication::Message message) { parts().driver->receive(std::move(message)); }
  void lost(NodeId peer) { parts().driver->lost(peer); }
  Result<void> transfer(NodeId target) { return parts().driver->transfer(target); }
  void tick() { parts().driver->tick(); }
  Driver::Standing standing() const { return parts().driver->standing(); }
  std::optional<NodeId> primary() const { return parts().driver->primary(); }
  // Whether this node is the shard's primary, and open.
  bool leads() const { return parts().driver->leads(); }

  // Stays valid until the shard is gone, also when the copy is replaced meanwhile.
  storage::Replica& replica() const { return *parts().replica; }
  Watchers& watchers() { return *watchers_; }
  ShardId id() const { return options_.replica.shard; }
  NodeId node() const { return options_.node; }
  const Options& options() const { return options_; }

  // Bytes of messages. Those that are damaged here come from another copy, and the damage is mended
  // afterwards. Blocks; any thread. Errors: kNotFound, kCorrupt, kIo.
  Result<std::string> read(const storage::Extent& extent);
  // Puts these bytes, which the caller has proved, in the place of damaged ones. Blocks; any
  // thread.
  enum class Damage : std::uint8_t { kBody, kRecords };
  Result<void> mend(Damage kind, Lsn at, std::string bytes);
  void not_mended() { ++not_mended_; }

  // The copy is to be made anew from another one: it takes no records from its primary meanwhile.
  // False: it is in the ISR, or leads, and stays what it is.
  bool begin_seeding();
  void end_seeding();
  void set_seed_progress(std::optional<SeedProgress> progress);
  // `swap` puts another replica's folder into the place of this one's. Then that one is opened and
  // goes on in its stead; what this one was is closed with the shard. Blocks.
  Result<void> replace(const std::function<Result<void>()>& swap);

  // Answers operations whose deadline has passed. Called about once a second.
  void sweep(std::chrono::steady_clock::time_point now);
  // If the shard is idle and has changed since the last mark: notes in the log which state the
  // index is in, so that replicas (and recovery) can compare theirs.
  Task<void> mark_checkpoint();
  ShardStatus status() const;
  // Commits and applies what was accepted, then closes the replica cleanly. Once. Blocks.
  Result<void> stop();

 private:
  // One replica with the two threads behind it. Replaced as a whole, and kept until the end: others
  // may still be in its calls, which say that it is stopping.
  struct Parts {
    std::unique_ptr<storage::Replica> replica;
    std::unique_ptr<Applier> applier;
    std::unique_ptr<Driver> driver;
  };

  explicit Shard(Options options) : options_(std::move(options)) {}
  Parts& parts() const { return *parts_.load(std::memory_order_acquire); }
  // Whether this copy may lead at all, by the coordinator; a new shard's first copy is written
  // down.
  Result<void> check_configuration(const storage::Replica& replica);
  Result<void> start(std::unique_ptr<storage::Replica> replica,
                     const storage::ReplicaRecovery& recovery);
  void on_failure(const Error& error);
  template <class T, class Handler>
  std::shared_ptr<WaiterFor<T>> make_waiter(Handler handler);

  const Options options_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
  std::atomic<bool> failed_{false};
  std::atomic<Lsn> marked_;
  std::atomic<std::uint64_t> bodies_mended_{0}, records_mended_{0}, not_mended_{0}, served_{0};

  std::mutex deadlines_mutex_;
  std::deque<std::weak_ptr<Waiting>> deadlines_;  // in the order of their deadlines

  mutable std::mutex seeding_mutex_;
  std::optional<SeedProgress> seeding_;

  std::vector<std::unique_ptr<Parts>> all_parts_;  // written at the start, and by replace()
  std::atomic<Parts*> parts_{nullptr};
};

}  // namespace everpost::cluster
