// What happened to the shards of this node, for `everpost why`: a bounded list of events for each,
// in memory and in a file, so that last night is explained after a restart, too.
//
// add() never waits for a disk: a thread writes. Nothing is synced, and a failed write only stops
// the writing: the journal explains, nothing depends on it. Files: docs/formats/journal.md.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "storage/env/env.h"

namespace everpost::cluster {

struct JournalEntry {
  WallTime time;
  Epoch epoch;         // that the copy was in
  bool alarm = false;  // somebody should look at it
  std::string what;    // "shard closed"
  std::string why;     // may be empty
  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

// One line of a file, with its end. What is too long is cut; control characters become spaces.
std::string encode(const JournalEntry& entry);
// Nothing if it is no such line.
std::optional<JournalEntry> decode_journal_line(std::string_view line);

class Journal {
 public:
  static constexpr std::size_t kEntriesMax = 512;            // of each shard
  static constexpr std::uint64_t kFileBytesMax = 256 << 10;  // then a new one; one older is kept
  static constexpr std::size_t kTextBytesMax = 500;          // of `what` and of `why`
  static constexpr std::size_t kUnwrittenMax = 4096;  // beyond it they are kept in memory only
  // The same again within this time is not noted again.
  static constexpr std::chrono::seconds kRepeatAfter{60};

  // Files in `folder`, which is made; reads the end of what is there. Blocks. Without `env`: in
  // memory only.
  explicit Journal(storage::Env* env = nullptr, std::string folder = {});
  ~Journal();  // writes what waits

  void add(ShardId shard, JournalEntry entry);
  // The newest `limit` of those not before `since`, oldest first.
  std::vector<JournalEntry> read(ShardId shard, WallTime since, std::size_t limit) const;
  // Waits until all is written. False: it is not, after `at_most`.
  bool flush(std::chrono::milliseconds at_most);

 private:
  struct Unwritten {
    ShardId shard;
    std::string line;
  };
  std::string path(ShardId shard) const;
  void remember(ShardId shard, JournalEntry entry);
  void load(ShardId shard);
  void run();
  Result<void> write(ShardId shard, std::string_view lines);

  storage::Env* const env_ = nullptr;
  const std::string folder_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, written_;
  std::map<ShardId, std::deque<JournalEntry>> entries_;
  std::vector<Unwritten> unwritten_;
  bool writing_ = false, stopping_ = false;
  std::map<ShardId, std::unique_ptr<storage::File>> files_;  // of the thread
  std::thread thread_;
};

}  // namespace everpost::cluster
