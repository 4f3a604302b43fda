#include "cluster/scrub_keeper.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

namespace everpost::cluster {
namespace {

// The calling thread gets disk and processor when nobody else wants them. Failing that it is slower
// by the rate alone.
void be_idle() {
  constexpr int kWhoProcess = 1;  // IOPRIO_WHO_PROCESS
  constexpr int kIdle = 3 << 13;  // IOPRIO_CLASS_IDLE
  constexpr int kLowest = 19;
  (void)::syscall(SYS_ioprio_set, kWhoProcess, 0, kIdle);
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kLowest);
}

}  // namespace

ScrubKeeper::ScrubKeeper(Options options, ShardsHere shards)
    : options_(std::move(options)),
      shards_(std::move(shards)),
      pacer_({.bytes_per_second = options_.bytes_per_second, .calls_per_second = 0}) {}

void ScrubKeeper::start() {
  if (options_.bytes_per_second == 0) return;
  thread_ = std::thread([this] { run(); });
}

void ScrubKeeper::stop() {
  pacer_.stop();
  if (thread_.joinable()) thread_.join();
}

ShardScrub ScrubKeeper::status(ShardId shard) const {
  const std::scoped_lock lock(mutex_);
  const auto found = status_.find(shard);
  return found == status_.end() ? ShardScrub{} : found->second;
}

void ScrubKeeper::run() {
  be_idle();
  while (pacer_.sleep(options_.look_every))
    for (Shard* shard : shards_())
      while (!broken_.contains(shard->id()) && step(*shard)) {
      }
}

void ScrubKeeper::tell(ShardId shard, const storage::Log::Finding& finding) {
  const bool in_log = finding.bytes > 0;
  log::error(in_log ? "a part of a shard's log has rotted" : "damage found in a shard",
             {{"shard", shard},
              {"lsn", finding.at},
              {"bytes", finding.bytes},
              {"what", finding.what},
              {"remedy",
               "check the disk (smartctl, dmesg); docs/operations.md, \"A copy is "
               "damaged\""}});
  {
    const std::scoped_lock lock(mutex_);
    ++status_[shard].findings;
  }
  if (options_.found) options_.found(shard, finding);
}

// False: nothing more is due in this shard.
bool ScrubKeeper::step(Shard& shard) {
  using Step = storage::Scrub::Step;
  std::uint64_t read = 0;
  bool stopped = false;
  // Each time: the copy may be another one than before.
  shard.replica().scrub().on_finding(
      [this, id = shard.id()](const auto& finding) { tell(id, finding); });
  const auto done = shard.replica().scrub().step(options_.clock->wall(),
                                                 [&](std::uint64_t bytes, std::uint64_t calls) {
                                                   read += bytes;
                                                   stopped = !pacer_.wait(bytes, calls);
                                                   return !stopped;
                                                 });
  if (!done) {
    broken_.insert(shard.id());
    log::error("a shard is not searched for rot any more; it is served as before",
               {{"shard", shard.id()},
                {"error", to_string(done.error())},
                {"remedy", "check the disk, then restart"}});
  } else if (*done == Step::kLogPassDone || *done == Step::kIndexPassDone) {
    log::info(*done == Step::kLogPassDone ? "log read to its end, looking for rot"
                                          : "index read, looking for rot",
              {{"shard", shard.id()}, {"findings", shard.replica().scrub().findings().count}});
  }
  const std::scoped_lock lock(mutex_);
  ShardScrub& status = status_[shard.id()];
  status.bytes += read;
  status.failed = !done;
  if (!done) return false;
  status.log_passes += *done == Step::kLogPassDone;
  status.index_passes += *done == Step::kIndexPassDone;
  return *done != Step::kIdle && !stopped;
}

}  // namespace everpost::cluster
