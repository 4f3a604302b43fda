// Garbage collection: the bodies that nothing refers to any more (X/ in the index) are punched out
// of the log. It is this replica's own affair: it adds nothing to the log, asks no other replica,
// and the state of the index stays what it is. The rule (docs/replication.md, "Space"): a body that
// the record at k killed goes if
//
//   - k is in the index as of its last checkpoint: no restart brings the reference back;
//   - by the log's time the undelete window has passed since k;
//   - no reader and no copy in the making holds a state from before k (pins.h);
//   - its segment is complete.
//
// Where the last round came to is in the file `gc`, a hint: without it everything is looked at
// once more.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/index/hint_file.h"
#include "storage/index/index.h"
#include "storage/log/log.h"
#include "storage/replica/pins.h"

namespace everpost::storage {

struct GarbageRound {
  std::uint64_t bodies = 0;          // that were looked at to the end: freed, or too small for it
  std::uint64_t punches = 0;         // holes made
  std::uint64_t bytes = 0;           // given back
  std::uint64_t waiting_bodies = 0;  // dead, to be freed by a later round; counted up to a bound
  std::uint64_t waiting_bytes = 0;
  bool stopped = false;  // by the pace: there is more to do at once
};

class Garbage {
 public:
  struct Options {
    std::string hint;          // path of the file `gc`
    Micros undelete_window{};  // by the log's time
  };
  Garbage(Env& env, Options options, Log& log, const Index& index, Pins& pins);

  // One round. Blocks, for as long as `pace` says; rounds of several threads follow each other.
  //   durable_index   the applied LSN of the index's last checkpoint
  // Errors: kCorrupt (of the index, or the log), kIo. Nothing that is alive was touched.
  Result<GarbageRound> collect(Lsn durable_index, Micros now, const Log::Pace& pace);

 private:
  struct Dead {
    Lsn kill, key;
    std::vector<Log::Range> ranges;
    std::uint64_t bytes() const;
  };
  struct Position {
    Lsn kill, key;
  };
  class Due;
  Result<std::vector<Dead>> next(const IndexView& view, Due& due) const;
  Result<void> give_back(const IndexView& view, std::vector<Dead> batch, GarbageRound& round,
                         const Log::Pace& pace);
  Result<void> count_waiting(const IndexView& view, GarbageRound& round) const;
  Result<void> note() const;

  Env& env_;
  const Options options_;
  Log& log_;
  const Index& index_;
  Pins& pins_;
  std::mutex mutex_;
  std::unique_ptr<HintFile> hint_;
  Position next_;                 // where the next round begins
  std::vector<Dead> unfinished_;  // before it, in a segment that is still written to
};

}  // namespace everpost::storage
