// What happens to a replica: the inputs of step(). The driver (cluster/shard) makes them out of the
// network, the disk, the coordinator and the clock; a simulation makes them up.
#pragma once

#include <optional>
#include <variant>

#include "cluster/replication/message.h"
#include "storage/log/record.h"

namespace everpost::cluster::replication {

// What a copy durably knows of itself besides its log. Written as a whole (SaveMeta).
struct Meta {
  Lineage lineage{1};
  Epoch epoch;  // the highest seen; never falls
  std::uint64_t config_version = 0;
  // Epochs below `fence_epoch` are ignored until a configuration newer than `fence_version` is
  // seen (a promise to a SUSPECT candidate, D7). 0: no promise.
  std::uint64_t fence_version = 0;
  Epoch fence_epoch;
  bool suspect = false;  // may have lost what it acknowledged: must not take over alone (D7)
  friend bool operator==(const Meta&, const Meta&) = default;
};

// A part of the log that cannot be read back, though what is behind it can (H27).
struct Hole {
  LogEnd from;
  LogEnd to;  // its chain is the prev_crc of the record there
  friend bool operator==(const Hole&, const Hole&) = default;
};

struct LogContents {
  Lsn begin;
  LogEnd end;  // all durable
  EpochTable table;
  Lsn commit;  // known to be committed: the highest commit field of its records
  WallTime last_time;
  std::optional<Hole> hole;
};

// ---- the process
// First event. The log has been recovered (H26 to H28), the index is at `applied`.
struct Started {
  Meta meta;
  LogContents log;
  Lsn applied;
};
struct Tick {};  // it is now() >= next_wake(), or any other moment
struct Stop {};  // the process is going to end; nothing but this shard's last words follow
// A write, a sync or the index failed: nobody knows what the disk holds (D12).
struct DiskFailed {};

// ---- clients
using RequestId = Strong<struct RequestTag, std::uint64_t>;  // of the driver; never reused
struct Propose {
  RequestId request;
  storage::NewRecord record;  // sealed
};
struct Read {
  RequestId request;
  Lsn at_least;  // the client has seen the state at this LSN already
};

// ---- the disk
struct Persisted {
  Lsn end;  // of the records that the Persist effect named: on stable storage now
};
struct Truncated {
  bool same_chain = true;  // false: nothing was cut, the chain there is another one
  WallTime last_time;      // of the record before the cut
};
struct MetaSaved {};
// Why a part of the log is read.
enum class ReadPurpose : std::uint8_t { kStream, kMatch, kRange };
struct LogWasRead {
  NodeId peer;
  ReadPurpose purpose{};
  Lsn from;
  std::vector<LogRecordPtr> records;  // none: the log does not reach back to `from`
};
struct Mended {
  bool ok = false;
  LogContents log;  // after the mending
};
struct Applied {
  Lsn lsn;
};

// ---- the coordinator
struct ConfigSeen {
  ShardConfig config;
  std::uint64_t version = 0;
};
struct CasDone {
  enum class Outcome : std::uint8_t { kStored, kConflict, kUnknown };
  Nonce nonce;
  Outcome outcome{};
  std::uint64_t version = 0;  // of the stored value
};
// A write that succeeds only if the configuration still has `version` (H7).
struct ConfigVerified {
  std::uint64_t token = 0;  // of the VerifyConfig
  std::uint64_t version = 0;
  bool still = false;  // false: it has another one, or nobody knows
};
struct CoordinatorState {
  bool up = false;
};

// ---- the network and the operator
struct Received {
  Message message;
};
struct PeerLost {  // its process has ended, or something in between says so (D4)
  NodeId peer;
};
struct TransferTo {
  NodeId target;
};
// A learner's copy is being made anew beside its log: it wants no records meanwhile (on), or does
// again (off). Heard by a learner only, and by who does not know yet what it is; a
// member of the ISR is not made anew.
struct Seeding {
  bool on = false;
};

using Event =
    std::variant<Started, Tick, Stop, DiskFailed, Propose, Read, Persisted, Truncated, MetaSaved,
                 LogWasRead, Mended, Applied, ConfigSeen, CasDone, ConfigVerified, CoordinatorState,
                 Received, PeerLost, TransferTo, Seeding>;
const char* name_of(const Event& event);

}  // namespace everpost::cluster::replication
