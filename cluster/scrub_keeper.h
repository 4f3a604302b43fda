// Looks for rot in all shards of the node, one segment after the other, at a rate that leaves the
// disk to those who wait for it (storage/replica/scrub.h): a thread of its own, idle to the disk's
// and the processor's scheduler, past the page cache.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cluster/pacer.h"
#include "cluster/shard/shards_here.h"

namespace everpost::cluster {

class ScrubKeeper {
 public:
  struct Options {
    std::uint64_t bytes_per_second = 10 << 20;  // 0: no scrubbing
    std::chrono::milliseconds look_every{std::chrono::minutes{1}};
    const Clock* clock = &system_clock();
    // Told of each finding in a log, for whoever can mend it from another copy. The thread's.
    std::function<void(ShardId, const storage::Log::Finding&)> found;
  };
  // The shards outlive it.
  ScrubKeeper(Options options, ShardsHere shards);
  ~ScrubKeeper() { stop(); }

  void start();
  void stop();

  ShardScrub status(ShardId shard) const;  // any thread

 private:
  void run();
  void tell(ShardId shard, const storage::Log::Finding& finding);
  bool step(Shard& shard);

  const Options options_;
  const ShardsHere shards_;
  Pacer pacer_;
  std::set<ShardId> broken_;  // not looked at any more in this process; the thread's
  mutable std::mutex mutex_;
  std::map<ShardId, ShardScrub> status_;
  std::thread thread_;
};

}  // namespace everpost::cluster
