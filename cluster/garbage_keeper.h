// Gives the space of deleted mail back, shard after shard (storage/replica/garbage.h), every few
// minutes, and more often while the disk is nearly full. A thread of its own: punching may wait for
// a slow disk. Nothing goes while the clock is not to be trusted (log_time.h): a clock that jumped
// ahead would end the undelete window at once.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cluster/disk_space.h"
#include "cluster/log_time.h"
#include "cluster/pacer.h"
#include "cluster/shard/shards_here.h"

namespace everpost::cluster {

class GarbageKeeper {
 public:
  struct Options {
    std::chrono::milliseconds every{std::chrono::minutes{5}};
    std::chrono::milliseconds every_when_low{std::chrono::seconds{10}};
    Pacer::Rate rate{.bytes_per_second = 256 << 20, .calls_per_second = 1000};
  };
  // All of them outlive it.
  GarbageKeeper(Options options, ShardsHere shards, LogTime& time, const DiskSpace& space);
  ~GarbageKeeper() { stop(); }

  void start();
  void stop();

  ShardSpace status(ShardId shard) const;  // any thread

 private:
  void run();
  void collect(Shard& shard);

  const Options options_;
  const ShardsHere shards_;
  LogTime& time_;
  const DiskSpace& space_;
  Pacer pacer_;
  std::set<ShardId> broken_;  // not collected any more in this process; the thread's
  mutable std::mutex mutex_;
  std::map<ShardId, ShardSpace> status_;
  std::thread thread_;
};

}  // namespace everpost::cluster
