// One replica's log of a shard: a folder of segments, an address space of bytes (LSNs) that only
// grows at its end. Message bodies stay here for good; the index points at them. Bytes on disk and
// recovery rules: docs/formats/log.md.
//
// A record is *appended* once append() has returned, and *durable* once a sync() that began
// afterwards has returned. What is appended but not durable never exceeds `group_bytes_max`
// (append() syncs first if it would), so a valid record that far behind a bad one proves that the
// bad one was durable once; recovery relies on it.
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

struct DamagedPart;  // repair.h

// What makes bytes this log's and no other's.
struct LogIdentity {
  Uuid cluster{};
  Uuid disk{};  // of the copy; not part of what replicas compare
  ShardId shard;
  Lineage lineage{1};
};

struct LogOptions {
  std::string folder;  // <shard folder>/log, made if missing
  LogIdentity identity;
  // Of a whole file, its header included; it is allocated in full before the first record goes in.
  std::uint64_t segment_bytes = 64 << 20;
  // One append() never writes more, so it bounds a record too. At most segment_bytes - 4 KiB.
  std::uint32_t group_bytes_max = 4 << 20;
  // A group of so much goes past the page cache, whole blocks of it: pages of its own would cost
  // more than the copy, and nobody reads it soon.
  std::uint64_t direct_bytes_min = 128 << 10;
  std::size_t open_files_max = 32;  // segments kept open for reading
};

// What recovery found and did; logged once, and shown to the operator.
struct LogRecovery {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // from `scan_from` on
  Lsn end;                    // the log goes on here
  Lsn last_commit;            // highest commit field seen in a valid record
  Epoch last_epoch;           // of the last record, as is last_time; 0 if there is none
  WallTime last_time;
  std::optional<Lsn> torn_at;  // a torn tail was cut here; nothing durable was behind it
  std::uint64_t torn_bytes = 0;
  std::string salvage;          // the file that holds the torn bytes after a power loss
  bool copied_forward = false;  // the active segment was rewritten after an unclean stop (D12)
};

class Log {
 public:
  // Opens (or creates) the log and recovers its end. Scans records from the segment that holds
  // `scan_from` (the index's applied LSN) on.
  // Errors: kCorrupt (a bad record with good ones behind it, or below durable_hint: the copy must
  // be repaired from another one), kIo, kUnsupported (a newer format); after these nothing was
  // changed. kNoSpace: copying forward needs the space of one segment.
  struct Start {
    Lsn scan_from{};
    Lsn durable_hint{};  // a lower bound of what was durable (the `durable` file beside the log)
    bool clean = false;  // the last stop was clean; otherwise the active segment is copied forward
                         // and synced before anything is acknowledged from it
    bool same_boot = true;  // the machine has not been rebooted since: the page cache was not lost
    // The commit fields of this log's records never ran ahead of what was durable in it: so in a
    // group of one, and in a member of the ISR. A torn tail below a commit field is damage then.
    bool commits_were_durable = true;
  };
  static Result<std::unique_ptr<Log>> open(Env& env, LogOptions options, const Start& start,
                                           LogRecovery& recovery);
  virtual ~Log() = default;

  // Appends a group with one write. Returns each record's header (LSN, chain, checksums filled in).
  //   epoch   of the writer; below the last record's it is fenced (an epoch that has no record here
  //           fences nobody); another one than the last segment's starts a new one
  //   commit  the commit point to note in the records
  //   group   sealed records (NewRecord::seal), together at most `group_bytes_max`; a time before
  //           the last record's becomes that one's
  // Errors: kFenced; kNoSpace (nothing was written, and a later call may succeed);
  // kInvalidArgument (a record above its limits, or not sealed; nothing was written); kIo, after
  // which every call fails: nobody can tell what is on the disk, so the process has to stop, and
  // the next open() copies forward.
  virtual Result<std::vector<RecordHeader>> append(Epoch epoch, Lsn commit,
                                                   std::span<const NewRecord> group) = 0;
  // Appends records that have their place already, all of one epoch: where this log ends, in its
  // chain. Headers are checked in full, meta and body for their lengths only: the primary has just
  // computed their checksums. Records from outside pass verify() (record_codec.h) before they come
  // here. Errors: as append(); kInvalidArgument if they do not fit on its end.
  virtual Result<void> append_placed(std::span<const PlacedRecord> group) = 0;
  // Makes everything appended durable: one fdatasync. Returns the durable end. Errors: kIo.
  virtual Result<Lsn> sync() = 0;
  // Starts a new segment at the end (a new epoch, a clean stop), after a sync(). Errors: as append.
  virtual Result<void> roll(Epoch epoch) = 0;
  // Cuts everything from `lsn` on and makes that durable, and all before it. Errors:
  // kInvalidArgument (`lsn` is not a record's start or the end), kNotFound (freed), kCorrupt, kIo.
  virtual Result<void> truncate(Lsn lsn) = 0;

  // ---- giving space back; from any thread, beside the writer
  // Some bytes of the log.
  struct Range {
    Lsn at;
    std::uint32_t bytes = 0;
    Lsn end() const { return at + bytes; }
    friend bool operator==(const Range&, const Range&) = default;
  };
  struct Punched {
    std::uint64_t bytes = 0, punches = 0;
    bool stopped = false;  // by `pace`; the rest is done by the next call
  };
  // Sleeps for as long as so much work may take; false: stop here.
  using Pace = std::function<bool(std::uint64_t bytes, std::uint64_t punches)>;
  // Gives the whole blocks of the file within `dead` back to the file system: bytes of bodies that
  // nothing refers to any more, each range within one record's body, and below sealed_end().
  // Reading them is kNotFound from then on; the rest of the log is as before. First comes what an
  // earlier process began to give back. Errors: kInvalidArgument (not below sealed_end(): nothing
  // was done); kIo, kNoSpace, which concern this call only.
  virtual Result<Punched> punch(std::span<const Range> dead, const Pace& pace) = 0;
  // Where the segment begins that is written to: all before it is complete.
  virtual Lsn sealed_end() const = 0;
  // Removes the segments that end at or before `lsn`; returns how many. Errors: kIo.
  virtual Result<std::uint64_t> drop_before(Lsn lsn) = 0;

  virtual Lsn begin() const = 0;  // the oldest byte still here
  virtual Lsn end() const = 0;
  virtual Lsn durable() const = 0;

  // What the last record says, and where each epoch that has records here begins. The writer's.
  struct Tail {
    Lsn end;
    std::uint32_t crc = 0;  // of the last record's header: the chain
    WallTime time;
  };
  struct EpochBegin {
    Epoch epoch;
    Lsn at;
    std::uint32_t crc = 0;  // the chain there
  };
  virtual std::uint32_t group_bytes_max() const = 0;
  virtual Tail tail() const = 0;
  virtual std::vector<EpochBegin> epochs() const = 0;

  // The time of the last record. Any thread.
  virtual WallTime last_time() const = 0;

  // The bytes of `extent`, checked. Errors: kCorrupt, kNotFound (given back, or beyond the end),
  // kIo (a bad sector, say; it concerns this read only).
  virtual Result<std::string> read(const Extent& extent) const = 0;
  // Like read(), for a part of an extent too large to check whole every time: bytes
  // [offset, offset+bytes) of it. Unchecked by itself; for callers that checked the extent before.
  virtual Result<void> read_part(const Extent& extent, std::uint32_t offset,
                                 std::span<std::byte> to) const = 0;
  // A record, checked. One whose body was given back comes without it: Record::freed.
  virtual Result<Record> read_record(Lsn lsn) const = 0;
  // Its header alone.
  virtual Result<RecordHeader> read_header(Lsn lsn) const = 0;
  // Calls `visit` for each record in [from, to), in order, until it returns false or fails. `from`
  // must be a record's start; what is beyond end() is left out.
  virtual Result<void> scan(Lsn from, Lsn to,
                            const std::function<Result<bool>(const Record&)>& visit) const = 0;
  // Replaces bytes that are damaged by those that were there, which the caller has proved
  // (repair.h); they are within one segment. Durable on return. The writer's. Errors:
  // kInvalidArgument, kNotFound (not in the log), kNoSpace, kIo; the log is as it was then, and
  // goes on.
  virtual Result<void> mend(Lsn at, Bytes bytes) = 0;
  // The parts between `begin()` and `end` that hold no valid records. From any thread; reads
  // everything. Errors: kIo.
  virtual Result<std::vector<DamagedPart>> damage(Lsn end) const = 0;
  // For whoever copies the log as it is. From any thread.
  struct Part {
    Lsn base, end;  // of the records of one segment
    Epoch epoch;
  };
  virtual std::vector<Part> parts() const = 0;
  // Bytes of the segment's file, its header at offset 0; fewer at its end. Unchecked. Errors:
  // kNotFound (there is no such segment any more), kIo.
  virtual Result<std::size_t> read_file(Lsn base, std::uint64_t offset,
                                        std::span<std::byte> to) const = 0;
  // What was given back of the segment that begins at `base`. Errors: kNotFound.
  virtual Result<std::vector<Range>> punched(Lsn base) const = 0;
  // From here on nothing was given back: a copy that needs what is before cannot get it record by
  // record.
  virtual Lsn whole_from() const = 0;
  // What tells this log's records from others'.
  virtual LogIdentity identity() const = 0;
  // Checks the whole log against its checksums; returns a line for each finding.
  virtual Result<std::vector<std::string>> verify() const = 0;
  // Bytes that are not what they should be. Length 0: it cannot be told.
  struct Finding {
    Lsn at;
    std::uint64_t bytes = 0;
    std::string what;
  };
  // The same for the complete segment that holds `at`, past the page cache. Returns where the next
  // one begins; nothing, if `pace` (bytes read) stopped it. Errors: kNotFound (`at` is in none),
  // kIo.
  virtual Result<std::optional<Lsn>> scrub(
      Lsn at, const Pace& pace, const std::function<void(const Finding&)>& found) const = 0;

  struct Stats {
    std::uint64_t segments = 0;
    std::uint64_t disk_bytes = 0;      // allocated to segments, without what was given back
    std::uint64_t punched_bytes = 0;   // given back
    std::uint64_t records = 0;         // appended since open
    std::uint64_t appended_bytes = 0;  // since open
    std::uint64_t syncs = 0;           // since open
  };
  virtual Stats stats() const = 0;
};

}  // namespace everpost::storage
