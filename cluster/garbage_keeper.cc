#include "cluster/garbage_keeper.h"

#include "base/log.h"

namespace everpost::cluster {

GarbageKeeper::GarbageKeeper(Options options, ShardsHere shards, LogTime& time,
                             const DiskSpace& space)
    : options_(options),
      shards_(std::move(shards)),
      time_(time),
      space_(space),
      pacer_(options.rate) {}

void GarbageKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void GarbageKeeper::stop() {
  pacer_.stop();
  if (thread_.joinable()) thread_.join();
}

ShardSpace GarbageKeeper::status(ShardId shard) const {
  const std::scoped_lock lock(mutex_);
  const auto found = status_.find(shard);
  return found == status_.end() ? ShardSpace{} : found->second;
}

void GarbageKeeper::run() {
  using Clock = std::chrono::steady_clock;
  auto last = Clock::now();
  while (pacer_.sleep(std::min(options_.every, options_.every_when_low))) {
    if (Clock::now() - last < (space_.low() ? options_.every_when_low : options_.every)) continue;
    last = Clock::now();
    if (!time_.trusted()) continue;
    for (Shard* shard : shards_())
      if (!broken_.contains(shard->id())) collect(*shard);
  }
}

void GarbageKeeper::collect(Shard& shard) {
  // A copy that is made anew is replaced by files of the same names, which are not this log's.
  if (shard.standing().seeding) return;
  const auto round = shard.replica().collect_garbage(
      system_clock().steady(), [this, &shard](std::uint64_t bytes, std::uint64_t punches) {
        return pacer_.wait(bytes, punches) && !shard.standing().seeding;
      });
  if (!round) {
    broken_.insert(shard.id());
    log::error(
        "space of deleted mail is not given back any more; mail is served as before",
        {{"shard", shard.id()},
         {"error", to_string(round.error())},
         {"remedy", "check the disk and its file system, run everpost verify, then restart"}});
  } else if (round->punches > 0) {
    log::info("space of deleted mail given back", {{"shard", shard.id()},
                                                   {"bytes", round->bytes},
                                                   {"holes", round->punches},
                                                   {"bodies", round->bodies},
                                                   {"waiting_bytes", round->waiting_bytes}});
  }
  const std::scoped_lock lock(mutex_);
  ShardSpace& status = status_[shard.id()];
  status.collection_failed = !round;
  if (!round) return;
  ++status.rounds;
  status.punched_bytes += round->bytes;
  status.punches += round->punches;
  status.waiting_bytes = round->waiting_bytes;
}

}  // namespace everpost::cluster
