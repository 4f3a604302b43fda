// The `meta` file of a replica's folder: which copy of which shard this is, and how it was left.
// Replaced as a whole (temporary file, sync, rename), so that it is the old one or the new one.
// Bytes, with an example: docs/formats/meta.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "storage/env/env.h"

namespace everpost::storage {

enum class ShardKind : std::uint8_t { kMail, kDirectory };

// What replication wants remembered for this copy. Storage keeps it and knows no more of it.
struct ReplicaReign {
  Epoch epoch;                       // the highest this copy has seen; it never falls
  std::uint64_t config_version = 0;  // of the newest configuration seen
  // A promise to ignore epochs below `fence_epoch` until a configuration newer than `fence_version`
  // is seen (D7). 0: none.
  std::uint64_t fence_version = 0;
  Epoch fence_epoch;
  bool suspect = false;  // may have lost what it acknowledged (D7)
  friend bool operator==(const ReplicaReign&, const ReplicaReign&) = default;
};

struct ReplicaMeta {
  // Written once, when the copy is made.
  Uuid cluster{};
  Uuid disk{};  // random: a wiped or restored folder is another copy (D8)
  ShardId shard;
  ShardKind kind = ShardKind::kMail;
  Lineage lineage{1};

  ReplicaReign reign;
  Uuid boot{};                 // the machine's boot in which the copy was opened last
  bool clean = false;          // it was closed, and has not been opened since
  bool index_damaged = false;  // a read of the index failed its check: make it anew from the log
  // The record at this LSN was being applied when the process died, so many times (H48).
  Lsn crash_lsn;
  std::uint32_t crash_count = 0;

  friend bool operator==(const ReplicaMeta&, const ReplicaMeta&) = default;
};

std::string encode(const ReplicaMeta& meta);
// Errors: kCorrupt, kUnsupported (a newer format).
Result<ReplicaMeta> decode_replica_meta(Bytes bytes);

// None: there is no such file. Errors: kCorrupt, kUnsupported, kIo; they name the file.
Result<std::optional<ReplicaMeta>> read_replica_meta(Env& env, const std::string& path);
Result<void> write_replica_meta(Env& env, const std::string& path, const ReplicaMeta& meta);

}  // namespace everpost::storage
