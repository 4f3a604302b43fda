// Everything a replica knows. step() is the only one to change it; tests and `everpost why` may
// look.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "cluster/coordinator/transition.h"
#include "cluster/replication/event.h"

namespace everpost::cluster::replication {

// Times and bounds. The H numbers say what they are against (docs/hazards.md).
struct Settings {
  Micros heartbeat = std::chrono::milliseconds{50};
  Micros suspect_after = std::chrono::milliseconds{400};  // silence of the primary
  Micros prevote_time = std::chrono::milliseconds{50};    // for answers of those that are slow
  Micros slow_after = std::chrono::milliseconds{500};     // silence of a member: shrink
  Micros gone_after = std::chrono::milliseconds{40};      // the same, once its connection broke
  Micros duel_time = std::chrono::seconds{3};             // others hear the primary, I do not (H18)
  Micros duel_backoff_max = std::chrono::seconds{30};
  Micros rank_delay = std::chrono::milliseconds{20};  // per place in the order of preference
  Micros cas_retry = std::chrono::milliseconds{100};
  Micros probe_every = std::chrono::milliseconds{200};
  Micros config_poll = std::chrono::seconds{5};
  Micros coordinator_lost = std::chrono::seconds{6};  // then the primary hands over (H10)
  Micros transfer_time = std::chrono::milliseconds{200};
  Micros lag_time = std::chrono::seconds{5};     // a lag above lag_bytes for so long
  Micros stall_time = std::chrono::seconds{3};   // a disk that makes nothing durable (H19)
  Micros readmit_min = std::chrono::seconds{5};  // before a member that was dropped
  Micros readmit_max = std::chrono::minutes{5};  // comes back (H19)
  Micros fetch_every = std::chrono::milliseconds{200};

  std::uint64_t frame_bytes = 256 << 10;  // of records in one Append
  std::uint64_t window_bytes = 8 << 20;   // sent to a peer, not yet durable there
  std::uint64_t tail_bytes = 8 << 20;     // of the log kept in memory for sending
  std::uint64_t lag_bytes = 64 << 20;
  std::uint64_t uncommitted_bytes = 64 << 20;
  std::uint64_t unwritten_bytes = 16 << 20;  // received by a backup, not yet with its disk
  std::uint64_t group_bytes = 4 << 20;       // of one Persist
  std::size_t group_records = 1024;
  std::size_t parked_requests = 10'000;  // waiting for the replica to open
  std::uint64_t parked_bytes = 32 << 20;
  std::size_t reads_waiting = 10'000;
};

struct Identity {
  Uuid cluster{};
  ShardId shard;
  CopyId copy;
  Incarnation incarnation;
};

enum class Role : std::uint8_t {
  kStarting,   // waits for Started
  kLearner,    // gets the log, is not in the ISR
  kBackup,     // in the ISR (or does not know yet that it is not)
  kCandidate,  // in the ISR, tries to take over
  kPrimary,    // leads; open once its EPOCH_START is committed and applied
  kFailed,
};
std::string_view to_string(Role role);

// The log as the replica sees it: [begin, end), of which [.., written) is with the disk and
// [.., durable) on it.
struct LogState {
  Lsn begin;
  LogEnd end;
  LogEnd written;
  LogEnd durable;
  bool persisting = false;           // a Persist is running
  Micros persist_began{};            // the newest one
  std::optional<LogEnd> truncating;  // a Truncate to here is running
  EpochTable table;
  WallTime last_time;
  std::optional<Hole> hole;
  // The newest records, up to the end. All that are not written are here.
  std::deque<LogRecordPtr> tail;
  std::uint64_t tail_bytes = 0;

  Epoch epoch() const { return last_epoch(table, end.lsn); }
};

// A configuration that was proposed and may be stored any time (H1). All of one version.
struct Proposal {
  Nonce nonce;
  ShardConfig config;
  std::uint64_t version = 0;  // it replaces
  Transition kind{};
  Micros sent{};
  bool unknown = false;
};

// ---- a copy that follows a primary
struct Following {
  std::optional<CopyId> primary;
  Incarnation primary_incarnation;
  std::uint64_t sync_gen = 0;
  bool synced = false;              // in this sync_gen
  bool awaits_sync = false;         // the Probe was answered; one Sync may follow
  std::optional<Probe> unanswered;  // waits for the disk and for meta
  std::optional<Sync> cutting;      // a Truncate is running
  std::uint64_t seq = 0;
  std::uint64_t round = 0;
  Lsn reign_begins;  // as the primary says
  Lsn primary_commit;
  Micros heard{};     // of this epoch's primary
  bool lost = false;  // its connection broke, or it stepped down
  bool stepped_down = false;
  std::optional<std::uint64_t> verifying;  // token: a VerifyConfig is out, to end SUSPECT
  Micros verify_not_before{};
  Lsn acked;  // the durable LSN of the last Ack
};

// ---- a copy that wants to take over
struct Candidacy {
  enum class Phase : std::uint8_t { kWaiting, kPoll, kFence, kCas };
  Phase phase = Phase::kWaiting;
  Micros since{};  // of the first suspicion
  Micros wake{};   // end of this phase's wait
  std::uint64_t ballot = 0;
  std::map<CopyId, PreVoteReply> replies;
  bool waited_for_longer = false;
  bool transferred = false;  // the primary asked for it
  std::uint64_t fence_version = 0;
  std::map<CopyId, FenceReport> reports;
};

// ---- a primary
struct Peer {
  enum class State : std::uint8_t { kProbing, kMatching, kCutting, kStreaming, kNeedsSeed };
  State state = State::kProbing;
  std::optional<CopyId> copy;  // as it named itself in this sync_gen
  Incarnation incarnation;
  std::uint64_t sync_gen = 0;
  std::uint64_t seq = 0;
  LogEnd next;  // goes on there: the cut, then what is to be sent
  Lsn match;    // durable there
  Lsn acked;    // the highest match in this reign, over all handshakes
  Lsn applied;
  LogEnd replied;        // its log's end when it answered the Probe
  bool reading = false;  // a ReadLog is out
  std::uint64_t round = 0, round_sent = 0;
  Micros heard{};
  std::optional<Micros> lost;  // when its connection broke; it has come back if it was heard since
  Micros sent{};
  std::optional<Micros> behind_since;
  std::optional<Micros> suspect_since;
  std::optional<Micros> stalled_since;  // it acknowledges, but its disk gets no further
  bool suspect = false, hole = false, disk_low = false, coordinator_up = true;
};

// For how long a member that was dropped as slow stays out.
struct Readmission {
  Micros not_before{};
  Micros backoff{};
  Micros dropped{};
};

struct WaitingRead {
  RequestId request;
  Lsn at_least;
};

struct Primacy {
  bool begun = false;  // EPOCH_START is in the log
  bool open = false;
  Lsn reign_begins;  // end of EPOCH_START
  std::map<NodeId, Peer> peers;
  std::map<NodeId, Readmission> readmissions;
  std::optional<Micros> look_again;  // a connection broke: then its peer is back, or gone
  std::uint64_t sync_gen = 0;

  // Reads (R2): those of the round that is being confirmed, and those that came later.
  std::uint64_t round = 0;
  bool round_running = false;
  std::vector<WaitingRead> reads_in_round, reads_waiting;
  Lsn round_commit;  // the commit point when the round was sent

  std::deque<Propose> parked;
  std::uint64_t parked_bytes = 0;

  struct Transfer {
    NodeId target;
    Micros until{};
    bool sent = false;
  };
  std::optional<Transfer> transfer;
  std::optional<std::uint64_t> touch;  // a peer is fenced at this version: T8
};

struct State {
  Settings settings;
  Identity self;
  Role role = Role::kStarting;

  Meta meta;                   // as it should be
  Meta saved;                  // as it is on the disk
  std::optional<Meta> saving;  // as it is being written

  std::optional<ShardConfig> config;  // the newest seen
  std::uint64_t config_version = 0;
  std::vector<Proposal> proposals;
  std::uint32_t nonce_counter = 0;
  bool coordinator_up = false;
  Micros coordinator_changed{};
  Micros config_read{};                               // when it was asked for last
  std::uint64_t verifications = 0;                    // asked for: their tokens
  std::optional<std::uint64_t> verifying_regression;  // token

  LogState log;
  Lsn commit;
  Lsn commit_told;  // in a Commit effect
  Lsn applied;
  bool disk_low = false;

  Following following;
  Candidacy candidacy;
  Primacy primacy;

  Micros duel_backoff{};  // H18: after a primaryship was lost
  Micros duel_not_before{};
  Micros fetched{};  // FetchRange was sent
  bool mending = false;
  bool seeding = false;             // a learner that is being made anew (Seeding)
  std::vector<NodeId> fence_asked;  // get a FenceReport once the promise is on the disk
  std::uint64_t ballots = 0;
  bool stopping = false;

  std::uint32_t header_seed = 0;  // of record headers, by cluster, shard and lineage

  bool in_isr() const { return config && config->in_isr(self.copy); }
};

// The copies that have to hold a record before it is committed: the ISR last seen, and those of
// every proposal that may be stored without our knowing (D2).
std::vector<CopyId> maximal_isr(const State& state);

}  // namespace everpost::cluster::replication
