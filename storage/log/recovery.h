// Finding out where a log ends, and making that end safe to write at. First inspect(), which
// changes nothing, then repair(). The rules, with their reasons, are in docs/formats/log.md,
// "Recovery" (hazards H26 to H28, H32, decision D12).
#pragma once

#include <map>
#include <vector>

#include "storage/log/ready_segment.h"
#include "storage/log/segment_scanner.h"

namespace everpost::storage {

struct Inspection {
  std::vector<SegmentHeader> segments;    // in order; the last one is where the log goes on
  std::vector<SegmentHeader> superseded;  // empty ones, of which another one has the place
  std::map<Lsn, PunchMap> punched;        // by segment base
  LogTail tail;
  std::uint64_t torn_bytes = 0;  // behind the tail, in the last segment
  LogRecovery found;             // to be completed by repair()
};

// Reads the log. Errors: those of Log::open().
Result<Inspection> inspect(Env& env, const LogOptions& options, const Log::Start& start);

// Salvages and cuts a torn tail, and copies the last segment forward where the page cache or the
// disk cannot be trusted to hold what was read. Errors: kNoSpace, kIo, kCorrupt (reads differ from
// those of the inspection); the segments are unchanged then. The caller syncs the folder.
Result<void> repair(Env& env, const LogOptions& options, const Log::Start& start,
                    ReadySegment& ready, Inspection& inspection);

}  // namespace everpost::storage
