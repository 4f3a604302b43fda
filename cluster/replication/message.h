// What replicas of a shard say to each other (docs/replication.md, "Messages"). The transport adds
// cluster and shard to each message and drops those of others; it keeps the order of one connection
// but may lose, with it, any of them.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "cluster/coordinator/shard_config.h"
#include "cluster/replication/epoch_table.h"

namespace everpost::cluster::replication {

// ---- a primary meets a copy: Probe, ProbeReply, Sync, SyncDone (D9)

// Primary -> copy. First words in an epoch, and after each loss of contact. The copy stops
// appending, adopts the epoch durably, and tells what it has.
struct Probe {
  std::uint64_t sync_gen = 0;  // numbers the handshakes of a primary; later messages repeat it
  std::uint64_t config_version = 0;
};
struct ProbeReply {
  std::uint64_t sync_gen = 0;
  EpochTable table;
  LogEnd durable;  // everything in its log is durable at this moment
  Lsn commit;
  bool suspect = false;  // may have lost what it acknowledged once (D7)
  bool hole = false;     // has a damaged record in the middle: cannot follow until it is mended
  bool coordinator_up = true;
};
// Primary -> copy: cut your log here, if your chain at this point is this one.
struct Sync {
  std::uint64_t sync_gen = 0;
  LogEnd cut;
};
struct SyncDone {
  std::uint64_t sync_gen = 0;
  Lsn durable;
};

// ---- the stream

// Primary -> copy. Without records it is a heartbeat.
struct Append {
  std::uint64_t sync_gen = 0;
  std::uint64_t seq = 0;  // from 1 on in each sync_gen
  LogEnd prev;            // where the records go
  Lsn commit;
  Lsn reign_begins;         // end of the epoch's EPOCH_START record
  std::uint64_t round = 0;  // the newest round of reads to confirm (R2)
  std::vector<LogRecordPtr> records;
};
struct Ack {
  std::uint64_t sync_gen = 0;
  Lsn durable;
  Lsn applied;
  std::uint64_t round = 0;  // the newest it has seen: at that moment it was in this epoch
  bool disk_low = false;
  bool suspect = false;
  bool coordinator_up = true;
};
struct Nack {
  enum class Reason : std::uint8_t {
    kStaleEpoch,   // the message's epoch is older than mine (the envelope's)
    kFenced,       // I promised a SUSPECT candidate to ignore this epoch, until a configuration
                   // newer than `config_version` shows up
    kNeedProbe,    // I am not in this sync_gen, or a message is missing
    kForked,       // my log holds other bytes at a point where both should be the same
    kUnsupported,  // a record of a type or feature level that I do not know
  };
  Reason reason{};
  std::uint64_t sync_gen = 0;
  std::uint64_t config_version = 0;
};

// ---- who may take over

// Candidate -> ISR. A question; changes nothing at who answers.
struct PreVote {
  std::uint64_t ballot = 0;
  Epoch next_epoch;
  std::uint64_t config_version = 0;
};
struct PreVoteReply {
  std::uint64_t ballot = 0;
  // How long ago the primary of its epoch was heard; nothing if its connection is broken, or it
  // said that it steps down, or it was never heard.
  std::optional<Micros> primary_age;
  Epoch last_epoch;  // of its last record
  Lsn durable;
  bool suspect = false;
  bool hole = false;
};

// SUSPECT candidate -> ISR: ignore every epoch below `next_epoch` until you see a configuration
// newer than `config_version`, and tell me what you have. The promise is durable before the answer.
struct FencePoll {
  std::uint64_t config_version = 0;
  Epoch next_epoch;
};
struct FenceReport {
  std::uint64_t config_version = 0;
  Epoch last_epoch;
  Lsn durable;
};

// Primary -> all: I shall neither acknowledge nor read again in this epoch.
struct StepDown {};
// Primary -> member: take over now; my log ends at `end`, as yours does.
struct TransferGo {
  Lsn end;
};

// ---- repair
struct FetchRange {
  Lsn from, to;
};
struct Range {
  Lsn from;
  std::vector<LogRecordPtr> records;
};

using Payload =
    std::variant<Probe, ProbeReply, Sync, SyncDone, Append, Ack, Nack, PreVote, PreVoteReply,
                 FencePoll, FenceReport, StepDown, TransferGo, FetchRange, Range>;

struct Message {
  CopyId from;
  Incarnation incarnation;
  Lineage lineage;
  Epoch epoch;  // the highest the sender has seen
  Payload payload;
};

const char* name_of(const Payload& payload);

}  // namespace everpost::cluster::replication
