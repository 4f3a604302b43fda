// What a replica wants done: the outputs of step(), to be carried out in their order.
#pragma once

#include <string_view>
#include <variant>

#include "cluster/coordinator/transition.h"
#include "cluster/replication/event.h"

namespace everpost::cluster::replication {

struct Send {
  NodeId to;
  Message message;
};

// Writes these records at the end of the log, then syncs: Persisted{end of the last}, or
// DiskFailed. All of one epoch; one at a time. The bytes of a group are never written before the
// sync of the one before has returned (recovery relies on it).
struct Persist {
  std::vector<LogRecordPtr> records;
};
// Cuts the log at `at.lsn`, durably, if its chain there is `at.chain`: Truncated. Never beside a
// Persist.
struct Truncate {
  LogEnd at;
};
struct SaveMeta {  // MetaSaved; one at a time
  Meta meta;
};
// Reads records of the log, for `peer`: LogWasRead. About `bytes` of them, at least one.
struct ReadLog {
  NodeId peer;
  ReadPurpose purpose{};
  Lsn from, to;
  std::uint64_t bytes = 0;
};
// Puts these records into the hole of the log: Mended.
struct Mend {
  std::vector<LogRecordPtr> records;
};

struct Cas {  // CasDone{config.nonce}
  ShardConfig config;
  std::uint64_t version = 0;
  Transition kind{};
};
struct ReadConfig {};  // ConfigSeen, or nothing
struct VerifyConfig {  // ConfigVerified
  std::uint64_t token = 0;
  std::uint64_t version = 0;
};

// Records below `up_to` are committed: apply them, then answer whoever waits for them.
struct Commit {
  Lsn up_to;
};
// The proposal got this place in the log. It is answered when that is applied.
struct Accepted {
  RequestId request;
  Lsn lsn, end;
};
// Not done, and never will be by this request: try another node, or later.
struct Refused {
  enum class Why : std::uint8_t { kNotPrimary, kBusy };
  RequestId request;
  Why why{};
};
// These reads may be answered from any state that has applied `at_least`.
struct MayRead {
  RequestId request;
  Lsn at_least;
};

// This node leads the shard now; every record below `since` is applied.
struct Opened {
  Epoch epoch;
  Lsn since;
};
// It does not any more: everyone who waits for a record at or behind `from` is told to retry.
struct Closed {
  Lsn from;
  std::string_view why;
};
// What an operator may want to know; goes to the log.
struct Note {
  std::string_view text;
  NodeId peer;  // 0: about this copy
  bool alarm = false;
};
// The process must end, or at least never touch this copy again.
struct Fail {
  enum class Why : std::uint8_t {
    kDisk,              // a write or sync failed
    kForked,            // was to cut what is committed, or holds other bytes than the primary
    kConfigRegression,  // the coordinator went back in time (H6)
    kLineage,           // history was cut by an operator; this copy must be made anew
  };
  Why why{};
};

using Effect =
    std::variant<Send, Persist, Truncate, SaveMeta, ReadLog, Mend, Cas, ReadConfig, VerifyConfig,
                 Commit, Accepted, Refused, MayRead, Opened, Closed, Note, Fail>;
const char* name_of(const Effect& effect);
std::string_view to_string(Fail::Why why);

}  // namespace everpost::cluster::replication
