// Runs the replication core (cluster/replication) of one shard: makes events of what happens, and
// carries out its effects. What may block (the log, the meta file) runs on a thread of its own, one
// thing at a time; everything else happens on whichever thread brings the event, in microseconds,
// under one mutex. The coordinator answers on its threads: the disk does not wait for it.
//
// Group commit comes of it: while one group is being synced, the next one gathers in the core's
// log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cluster/coordinator/coordinator.h"
#include "cluster/log_time.h"
#include "cluster/replication/step.h"
#include "cluster/shard/chronicle.h"
#include "cluster/shard/commit_times.h"
#include "cluster/shard/messenger.h"
#include "cluster/shard/proposal.h"
#include "cluster/shard/waiting_bytes.h"
#include "storage/replica/replica.h"

namespace everpost::cluster {

// What the core has to know of a log.
replication::LogContents contents_of(const storage::Log& log, Lsn commit);

class Driver {
 public:
  // Changes that are not committed yet; beyond them a proposal is answered with kBusy. Half of what
  // all shards of the node have together (waiting_bytes.h): a shard whose disk hangs leaves the
  // others something.
  static constexpr std::size_t kWaitingMax = 10'000;
  static constexpr std::uint64_t kWaitingBytesMax = WaitingBytes::kMax / 2;
  static constexpr std::size_t kMendingsMax = 16;  // waiting

  struct Options {
    NodeId node;
    Uuid cluster{};
    storage::Replica* replica = nullptr;
    Coordinator* coordinator = nullptr;
    Messenger* messenger = nullptr;  // null: a group of one
    LogTime* time = nullptr;
    WaitingBytes* waiting_bytes = nullptr;  // of all shards of the node
    Journal* journal = nullptr;             // of the node; may be null
    std::uint64_t group_bytes = 4 << 20;    // at most what the log takes as one group
    storage::LogRecovery recovered;
  };
  struct Callbacks {
    // These are committed, in order. May not block; any thread.
    std::function<void(std::vector<CommittedRecord> records)> committed;
    // Waits until there is room for more of them. The log's thread, when it reads the log back.
    std::function<void()> wait_for_room;
    // The copy must not be used any more. Once; any thread.
    std::function<void(const Error& error)> failed;
    // A part of the log cannot be read. The log's thread; may not block.
    std::function<void()> damaged = [] {};
  };

  Driver(const Options& options, Callbacks callbacks);
  ~Driver();

  // Starts the replica: it follows its primary, or becomes it. Once.
  void start();
  // Waits until this node leads the shard and is open for changes. Errors: kIo; kTimeout, with the
  // role that it is in.
  Result<void> wait_until_open(std::chrono::seconds limit);

  // Any thread. The waiter is answered in any case.
  void propose(Proposal proposal);
  // The waiter is answered once reads of the state that is applied then are not stale (D1).
  // kNotPrimary: ask another node.
  void read(std::shared_ptr<ReadWaiter> waiter);
  // From other replicas. Any thread; neither blocks.
  void receive(replication::Message message);
  void lost(NodeId peer);
  // An operator, or the placement, wants `target` to lead: the shard is being handed over then, and
  // goes on here if that comes to nothing. Errors: kNotPrimary; kInvalidArgument, no copy is to be
  // there; kConflict, the copy there is not in sync; kUnavailable, it cannot take over just now;
  // kBusy, being handed over already.
  Result<void> transfer(NodeId target);
  // From the applier.
  void applied(Lsn lsn);
  // The index has failed: nothing can be applied any more. Any thread.
  void fail(const Error& error);
  // Puts bytes in the place of damaged ones, between two groups. `done` is told, on the log's
  // thread or, with kBusy or kUnavailable, on the caller's. Any thread; does not block.
  struct Mending {
    Lsn at;
    std::string bytes;
    std::function<void(const Result<void>&)> done;
  };
  void mend(Mending mending);
  // The copy is being made anew (replication::Seeding). False: it is not, for it is no learner.
  bool seed(bool on);
  // Time passes: called every few milliseconds in a cluster, once a second otherwise.
  void tick();
  // What was accepted is still committed, or, in a cluster, left to the next primary; then ends the
  // thread. Once.
  void stop();

  // Where this replica stands.
  struct Standing {
    replication::Role role{};
    Epoch epoch;
    bool open = false;  // leads, and takes changes
    bool suspect = false;
    bool in_sync = false;           // this copy, by the configuration last seen
    bool led = false;               // leads, or hears the one that does
    std::optional<NodeId> primary;  // as far as it knows; none: nobody, or unknown
    std::optional<ShardConfig> config;
    std::uint64_t config_version = 0;
    bool seeding = false;  // a learner that is being made anew
    Lsn commit;
    struct Peer {
      NodeId node;
      bool streaming = false;
      Lsn durable, applied;
      Micros silent{};  // since it was last heard
      // What is committed and not durable there; none: it was not heard of in this reign.
      std::optional<std::uint64_t> lag_bytes;
      Micros lag{};  // for how long that has been so
    };
    std::vector<Peer> peers;  // of a primary
  };
  Standing standing() const;
  std::optional<NodeId> primary() const;  // as in Standing, without the rest
  bool leads() const { return leads_.load(std::memory_order_acquire); }

  struct Stats {
    std::uint64_t groups = 0, records = 0, bytes = 0;
    std::uint64_t waiting = 0;
    std::uint64_t sync_micros = 0;  // spent in fdatasync, all groups together
    Chronicle::Counts happened;
  };
  Stats stats() const;

 private:
  // Records that were committed before this process, read back for the applier.
  struct ReadBack {
    Lsn from, to;
  };
  using Job = std::variant<replication::Persist, replication::Truncate, replication::SaveMeta,
                           replication::ReadLog, replication::Mend, ReadBack, Mending>;
  // Answers of the coordinator that come after the driver's end find nobody here.
  struct Link {
    std::mutex mutex;
    Driver* driver = nullptr;
  };
  struct Change {
    Lsn lsn;
    std::shared_ptr<Waiter> waiter;
    std::uint64_t bytes = 0;
  };

  // ---- under mutex_
  void happen(const replication::Event& event);
  void hand_over(Lsn up_to);
  void release(std::uint64_t bytes);
  void answer_reads();
  std::optional<NodeId> known_primary() const;
  Result<void> may_transfer(NodeId target) const;
  Error moved() const;  // the error for those whose answer another node has to give
  void refuse(Change change, Error error);
  void queue(Job job);
  template <class Effect>
  void carry_out(Effect& effect);
  void ask(const replication::Cas& effect);
  void ask(const replication::VerifyConfig& effect);
  void read_config();
  // What is wrong with the coordinator; whether the shard can go on without it.
  bool trouble(const char* what, const Error& error);
  void break_down(const Error& error);

  // ---- the coordinator's threads
  // A callback that calls `take(*this, result)` under the mutex, if the driver is still there.
  template <class T, class Take>
  Coordinator::Answer<T> answered(Take take);
  void config_was_read(const Result<Versioned>& found);

  // ---- the thread
  void run();
  void give_up(const Error& error);
  void answer_left(const Error& error);
  void tell(const replication::Event& event);  // happen(), with the mutex
  Result<void> work(replication::Persist& job);
  Result<void> work(replication::Truncate& job);
  Result<void> work(replication::SaveMeta& job);
  Result<void> work(replication::ReadLog& job);
  Result<void> work(replication::Mend& job);
  Result<void> work(ReadBack& job);
  Result<void> work(Mending& job);
  Result<void> append(std::span<const storage::PlacedRecord> records);

  replication::Now now() const;
  ShardId shard() const { return options_.replica->shard(); }

  const Options options_;
  const Callbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, changed_;
  replication::State core_;
  std::vector<replication::Effect> effects_;
  Chronicle chronicle_;
  CommitTimes commit_times_;  // of this reign
  std::deque<Job> jobs_;
  std::size_t mendings_ = 0;
  bool stopping_ = false, no_space_ = false;
  std::optional<Error> failure_;
  std::string trouble_;  // the last with the coordinator, for open()'s error
  bool reading_config_ = false, read_config_again_ = false;

  std::uint64_t requests_ = 0;
  std::unordered_map<std::uint64_t, Change> parked_;  // not in the log yet
  std::deque<Change> waiting_;                        // by LSN
  std::uint64_t waiting_bytes_ = 0;
  std::deque<replication::LogRecordPtr> uncommitted_;  // with the disk
  Lsn handed_over_;                                    // to the applier
  bool reading_back_ = false;
  std::atomic<bool> leads_{false};  // primary, and open; written under the mutex

  std::unordered_map<std::uint64_t, std::shared_ptr<ReadWaiter>> reads_;  // to be confirmed
  std::multimap<Lsn, std::shared_ptr<ReadWaiter>> confirmed_reads_;       // until it is applied

  Stats stats_;
  const std::shared_ptr<Link> link_ = std::make_shared<Link>();
  std::unique_ptr<Coordinator::Watch> watch_;
  std::thread thread_;
};

}  // namespace everpost::cluster
