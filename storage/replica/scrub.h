// Reading, little by little, all that a replica has on its disk, so that rot is found while other
// copies are whole: each complete segment of the log once in a period, and every key of the index
// once in a longer one. Log: header, chain, meta and body of each record, and that holes are where
// the punch map has them, read past the page cache. Index: LevelDB's checksums, and the digest.
//
// How far it has come is in the files `scrub` and `scrub_index`, hints: without them it begins
// anew. Not thread-safe, but for findings().
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "storage/index/hint_file.h"
#include "storage/log/log.h"

namespace everpost::storage {

struct ScrubFindings {
  static constexpr std::size_t kKeptMax = 100;
  std::uint64_t count = 0;           // since the start of the process
  std::vector<Log::Finding> latest;  // up to kKeptMax, the newest last
};

class Scrub {
 public:
  using Clean = std::function<Result<std::vector<std::string>>(const Log::Pace&)>;
  struct Options {
    std::string folder;  // the replica's
    Micros log_every = std::chrono::hours{24 * 7};
    Micros index_every = std::chrono::hours{24 * 30};
  };
  // What was done: nothing is due before the period has passed.
  enum class Step { kIdle, kSegment, kLogPassDone, kIndexPassDone };

  //   check_index   reads the whole index; returns a line for each finding
  Scrub(Env& env, Options options, const Log& log, Clean check_index);

  // Checks one segment, or the index, if one is due. Blocks, as long as `pace` says (bytes read).
  // Errors: kIo, kCorrupt: of its own files or of what was read, which was reported then.
  Result<Step> step(WallTime now, const Log::Pace& pace);
  ScrubFindings findings() const;  // any thread
  // Called with each finding as it is made. Before the first step.
  void on_finding(std::function<void(const Log::Finding&)> call) { on_finding_ = std::move(call); }

 private:
  Result<void> open();
  Result<Step> check_index(WallTime now, const Log::Pace& pace);
  void found(const Log::Finding& finding);

  Env& env_;
  const Options options_;
  const Log& log_;
  const Clean check_index_;
  std::function<void(const Log::Finding&)> on_finding_;
  std::unique_ptr<HintFile> log_hint_, index_hint_;
  Lsn next_;             // of the pass that runs
  WallTime pass_began_;  // ... or of the last one
  WallTime index_began_;
  mutable std::mutex mutex_;
  ScrubFindings findings_;
};

}  // namespace everpost::storage
