// Three replicas of the real core, their disks, the messages between them and the coordinator, as
// one value: what may happen next is a list of moves, and a move makes another world. No clock:
// time stands still for every replica, and a timer is a move that makes one thing due, in any
// order, as asynchrony allows. What is immediate here: applying, reading the log. What is left out:
// the mail machine, reads, transfers, damaged disks, stale reads of the coordinator.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/state_hash.h"

namespace everpost::simulation {

constexpr std::size_t kReplicas = 3;

// How often something may still happen.
struct Budget {
  std::uint8_t operations = 2;  // of clients
  std::uint8_t cas = 2;         // that are stored
  std::uint8_t crashes = 1;     // of a process, or of a machine, perhaps with a disk that lied
  std::uint8_t drops = 2;       // of messages
  std::uint8_t timeouts = 2;    // of any timer
  std::uint8_t unknowns = 0;    // compare-and-sets that are answered with "who knows"
  friend bool operator==(const Budget&, const Budget&) = default;
};

// Where an exploration begins. All messages of the beginning have arrived.
enum class Beginning : std::uint8_t {
  kInSync,   // replica 1 leads, all three are in the ISR
  kJoining,  // replicas 1 and 2 are the ISR; the first word to 3 is on its way
};
std::string_view to_string(Beginning beginning);

struct Move {
  enum class Kind : std::uint8_t {
    kDeliver,      // the oldest message from `other`
    kDrop,         // the same, lost
    kPersisted,    // a write and its sync have ended
    kTruncated,    // so has a cut of the log
    kMetaSaved,    // and a write of the meta file
    kPropose,      // a client's operation
    kSeeConfig,    // the coordinator's news
    kDecide,       // the coordinator decides a request (number `other`)
    kLoseAnswer,   // says "unknown" instead, and may decide it later
    kAnswer,       // its answer arrives
    kSuspect,      // the primary's connection breaks, or it is silent
    kPollOver,     // enough of waiting for votes
    kHeartbeat,    // to `other`
    kProbeAgain,   // `other`
    kSlow,         // `other` was silent
    kReadmit,      // `other` was out for long enough
    kRetryCas,     // whose outcome is unknown
    kRetryVerify,  // that this primary is the one in force
    kCrash,        // `variant`: what of the disk survives
    kRestart,
  };
  Kind kind{};
  std::uint8_t node = 0;  // 0 to 2
  std::uint8_t other = 0;
  std::uint8_t variant = 0;
};

class World {
 public:
  // The beginning, with nothing spent. Throws Failure.
  static World make(Beginning beginning, const Budget& budget);

  std::vector<Move> moves() const;
  // The world after the move. Throws Failure if something is not as it must be.
  World after(const Move& move) const;
  std::string describe(const Move& move) const;
  std::uint64_t hash() const;

 private:
  struct Request {
    std::optional<Cas> cas;
    VerifyConfig verify;
    std::optional<Event> answer;  // decided
    bool orphan = false;          // who asked is gone, or has been told "unknown"
  };
  struct Replica {
    std::optional<State> core;  // none: its process is down
    std::vector<LogRecordPtr> records;
    std::size_t durable = 0;  // of the records
    Meta meta;
    std::optional<Meta> saving;
    Lsn applied;
    std::uint64_t life = 0;
    std::vector<Request> requests;
    std::uint64_t hash = 0;

    LogRecordPtr ending_at(Lsn end) const;
    LogContents contents() const;
    bool suspect() const { return meta.suspect || (core && core->meta.suspect); }
  };
  using ReplicaPtr = std::shared_ptr<const Replica>;
  struct Parcel {
    std::optional<Message> message;  // none: the connection breaks
    std::uint64_t hash = 0;
  };
  using Link = std::vector<std::shared_ptr<const Parcel>>;
  struct Stored {
    ShardConfig config;
    std::uint64_t version = 1;
  };

  void timers(std::uint8_t node, std::vector<Move>& moves) const;
  // What is done to the replica that a move is about.
  void act(const Move& move, Replica& replica);
  void deliver(const Move& move, Replica& replica);
  void decide(const Move& move, Replica& replica);
  void fire(const Move& move, Replica& replica);
  void crash(const Move& move, Replica& replica);
  void start(Replica& replica, std::uint8_t node);
  void happen(Replica& replica, Event event);
  void carry_out(Replica& replica, Effect& effect, std::vector<Event>& follow);
  void post(std::uint8_t from, std::uint8_t to, std::optional<Message> message);
  void settle(bool with_third);

  void check(const Replica& before, const Replica& after);
  void commit_up_to(const Replica& replica);
  void check_candidates() const;

  bool is_empty(std::size_t from, std::size_t to) const { return links_[from][to] == nullptr; }

  std::array<ReplicaPtr, kReplicas> replicas_;
  // In order, as on one connection. Null: empty.
  std::array<std::array<std::shared_ptr<const Link>, kReplicas>, kReplicas> links_;
  std::shared_ptr<const Stored> stored_;
  // The oracle: all that was ever committed, and who led each epoch.
  std::shared_ptr<const std::vector<LogRecordPtr>> committed_;
  std::array<Incarnation, 16> primaries_{};
  Budget left_;
};

}  // namespace everpost::simulation
