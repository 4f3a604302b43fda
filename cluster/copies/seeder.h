// Looks after the learners of this node: a copy that is new, or was away for too long, is made anew
// from another one beside what it is, and takes its place when it is whole. Then it is a learner
// like any other, and gets the rest from the primary.
#pragma once

#include <chrono>

#include "cluster/copies/seed_copy.h"

namespace everpost::cluster {

class Seeder {
 public:
  struct Options {
    NodeId node;
    // A copy that lacks so much of the log, and most of it, is not sent the log record by record.
    std::uint64_t log_bytes = 256 << 20;
    // At most, while the shard has more copies in sync than it needs (section 3.6).
    std::uint64_t bytes_per_second = 64 << 20;
  };
  Seeder(Copies& copies, Options options) : copies_(copies), options_(options) {}
  ~Seeder() { stop(); }

  // The shards here, which outlive stop().
  void start(ShardsHere shards);
  void stop();

 private:
  struct Pace {
    std::chrono::steady_clock::time_point began, told;
    std::uint64_t done = 0, total = 0;
  };

  void run();
  void look_after(Shard& shard);
  // Whether one of the others has so much more that the copy is better made from it.
  // Errors: nobody answers.
  Result<bool> wants_seed(Shard& shard);
  Result<void> seed(Shard& shard, NodeId source);
  Result<void> install(Shard& shard, const SeedOffer& offer);
  bool came(Shard& shard, NodeId source, Pace& pace, std::uint64_t bytes);
  bool wait(std::chrono::milliseconds time);  // false: stopping

  Copies& copies_;
  const Options options_;
  ShardsHere shards_;
  std::map<ShardId, std::chrono::steady_clock::time_point> silent_since_;  // nobody answers
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace everpost::cluster
