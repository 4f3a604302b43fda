// One replica's log of a shard: a folder of segments, an address space of bytes (LSNs) that only
// grows at its end. Message bodies stay here for good; the index points at them. Bytes on disk and
// recovery rules: docs/formats/log.md.
//
// A record is *appended* once append() has returned, and *durable* once a sync() that began
// afterwards has returned. A group's bytes are written only after the sync of the group before has
// returned, so a valid record of a later group proves the earlier group durable; recovery relies on
// it.
//
// append, sync, roll, truncate: from one thread. The reads: from any thread at any time. All block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/env/env.h"
#include "storage/log/record.h"

namespace everpost::storage {

// What makes bytes this log's and no other's.
struct LogIdentity {
  Uuid cluster{};
  Uuid disk{};  // of the copy; not part of what replicas compare
  ShardId shard;
  Lineage lineage{1};
};

struct LogOptions {
  std::string folder;  // <shard folder>/log
  LogIdentity identity;
  std::uint64_t segment_bytes = 64 << 20;   // a record is at most a 16th of it
  std::uint64_t group_bytes_max = 4 << 20;  // one append() call never writes more
};

// What recovery found and did; logged once, and shown to the operator.
struct LogRecovery {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // from `scan_from` on
  Lsn end;                    // the log goes on here
  Lsn last_commit;            // highest commit field seen in a valid record
  Epoch last_epoch;
  WallTime last_time;
  std::optional<Lsn> torn_at;  // a torn tail was cut here; nothing durable was behind it
  std::uint64_t torn_bytes = 0;
  bool copied_forward = false;  // the active segment was rewritten after an unclean stop (D12)
};

class Log {
 public:
  // Opens (or creates) the log and recovers its end. Scans records from the segment that holds
  // `scan_from` (the index's applied LSN) on.
  //   clean       the last stop was clean; otherwise the active segment is copied forward and
  //   synced
  //               before anything is acknowledged from it
  //   same_boot   the machine has not been rebooted since: the page cache was not lost
  //   durable_hint  a lower bound of what was durable (the `durable` file beside the log)
  // Errors: kCorrupt (a bad record with good ones behind it, or below durable_hint: the copy must
  // be repaired from another one, nothing was changed), kIo, kUnsupported (a newer format).
  struct Start {
    Lsn scan_from;
    Lsn durable_hint;
    bool clean = false;
    bool same_boot = true;
  };
  static Result<std::unique_ptr<Log>> open(Env& env, LogOptions options, const Start& start,
                                           LogRecovery& recovery);
  virtual ~Log() = default;

  // Appends a group with one write. Returns each record's header (LSN, chain, checksums filled in).
  //   epoch   of the writer; below the last record's it is fenced
  //   commit  the commit point to note in the records
  // Errors: kFenced; kNoSpace (nothing was written); kInvalidArgument (a record above its limits);
  // kIo, after which every call fails.
  virtual Result<std::vector<RecordHeader>> append(Epoch epoch, Lsn commit,
                                                   std::span<const NewRecord> group) = 0;
  // Makes everything appended durable: one fdatasync. Returns the durable end. Errors: kIo.
  virtual Result<Lsn> sync() = 0;
  // Starts a new segment at the end (a new epoch, a clean stop).
  virtual Result<void> roll(Epoch epoch) = 0;
  // Cuts everything from `lsn` on, which must be a record's start, and makes that durable.
  virtual Result<void> truncate(Lsn lsn) = 0;

  virtual Lsn begin() const = 0;  // the oldest byte still here
  virtual Lsn end() const = 0;
  virtual Lsn durable() const = 0;

  // The bytes of `extent`, checked. Errors: kCorrupt, kNotFound (freed, or beyond the end), kIo.
  virtual Result<std::string> read(const Extent& extent) const = 0;
  // Like read(), for a part of an extent too large to check whole every time: bytes
  // [offset, offset+bytes) of it. Unchecked by itself; for callers that checked the extent before.
  virtual Result<void> read_part(const Extent& extent, std::uint32_t offset,
                                 std::span<std::byte> to) const = 0;
  virtual Result<Record> read_record(Lsn lsn) const = 0;
  // Calls `visit` for each record in [from, to), in order, until it returns false or fails.
  virtual Result<void> scan(Lsn from, Lsn to,
                            const std::function<Result<bool>(const Record&)>& visit) const = 0;
  // Checks the whole log against its checksums; returns a line for each finding.
  virtual Result<std::vector<std::string>> verify() const = 0;

  struct Stats {
    std::uint64_t segments = 0;
    std::uint64_t disk_bytes = 0;      // allocated to segments
    std::uint64_t records = 0;         // appended since open
    std::uint64_t appended_bytes = 0;  // since open
    std::uint64_t syncs = 0;           // since open
  };
  virtual Stats stats() const = 0;
};

}  // namespace everpost::storage
