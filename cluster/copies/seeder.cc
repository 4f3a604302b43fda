#include "cluster/copies/seeder.h"

#include "base/log.h"
#include "base/random.h"
#include "cluster/copies/seed_folder.h"
#include "storage/replica/boot_id.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = 200ms;
constexpr Micros kAskTimeout = 10s;
constexpr auto kTellEvery = 10s;
// So long a new copy waits for somebody to tell how long the log is.
constexpr auto kSilentMax = 10s;
// What the copy before may have in its log so that its index is sure to be idle: its changes are
// in memory, and nothing of it is written behind our back.
constexpr std::uint64_t kIdleIndexBytes = 8 << 20;

}  // namespace

void Seeder::start(ShardsHere shards) {
  shards_ = std::move(shards);
  thread_ = std::thread([this] { run(); });
}

void Seeder::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Seeder::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void Seeder::run() {
  while (wait(kLookEvery))
    for (Shard* shard : shards_()) look_after(*shard);
}

void Seeder::look_after(Shard& shard) {
  const Driver::Standing standing = shard.standing();
  const bool learner = standing.role == replication::Role::kLearner && standing.config;
  if (!learner) return;
  const auto wanted = wants_seed(shard);
  const auto now = Clock::now();
  if (!wanted) {
    const auto since = silent_since_.try_emplace(shard.id(), now).first->second;
    if (now - since > kSilentMax && standing.seeding) shard.end_seeding();
    return;
  }
  silent_since_.erase(shard.id());
  if (!*wanted) {
    if (standing.seeding) shard.end_seeding();
    return;
  }
  if (!shard.begin_seeding()) return;
  for (const NodeId source : copies_.nodes_with(shard.id())) {
    const auto seeded = seed(shard, source);
    if (seeded) return shard.set_seed_progress(std::nullopt);
    log::warning("a copy could not be made from another one",
                 {{"shard", shard.id()}, {"node", source}, {"error", to_string(seeded.error())}});
    if (!wait(0ms)) return;
  }
  // It stays without records until a source is found: the next look tries again.
  (void)wait(1s);
}

Result<bool> Seeder::wants_seed(Shard& shard) {
  Error last{ErrorCode::kUnavailable, "there is no other copy"};
  bool answered = false;
  const Lsn end = shard.replica().log().end();
  for (const NodeId node : copies_.nodes_with(shard.id())) {
    const auto answer = copies_.ask(node, LogStateRequest{shard.id()}, 1s);
    const auto state =
        answer ? decode_log_state(as_bytes(*answer)) : Result<LogState>(answer.error());
    if (!state) {
      last = state.error();
      continue;
    }
    if (state->begin > end) return true;
    answered = true;
    // One that has nothing to tell is no measure.
    if (state->applied <= end) continue;
    const std::uint64_t missing = state->applied - end;
    return missing > options_.log_bytes && end.value < state->applied.value / 8;
  }
  if (!answered) return last;
  return false;
}

bool Seeder::came(Shard& shard, NodeId source, Pace& pace, std::uint64_t bytes) {
  pace.done += bytes;
  pace.total = std::max(pace.total, pace.done);
  const auto now = Clock::now();
  const double seconds = std::max(std::chrono::duration<double>(now - pace.began).count(), 1e-3);
  const double rate = static_cast<double>(pace.done) / seconds;
  shard.set_seed_progress(SeedProgress{source, pace.done, pace.total, rate});
  if (now - pace.told >= kTellEvery) {
    pace.told = now;
    log::info("a copy is being made from another one",
              {{"shard", shard.id()},
               {"node", source},
               {"percent", 100 * pace.done / std::max<std::uint64_t>(pace.total, 1)},
               {"mb_per_s", rate / 1e6}});
  }
  const auto config = shard.standing().config;
  const bool enough = config && config->isr.size() > config->min_isr;
  const double ahead =
      enough ? static_cast<double>(pace.done) / static_cast<double>(options_.bytes_per_second) -
                   seconds
             : 0;
  return wait(std::chrono::milliseconds(static_cast<int>(std::clamp(ahead, 0.0, 1.0) * 1000)));
}

Result<void> Seeder::seed(Shard& shard, NodeId source) {
  SeedCopy::Options options;
  options.env = shard.options().env;
  options.folder = seed_folder(shard.options().replica.folder);
  options.cluster = shard.options().replica.cluster;
  options.shard = shard.id();
  options.source = source;
  Pace pace{Clock::now(), Clock::now(), 0, 0};
  options.came = [&](std::uint64_t bytes) { return came(shard, source, pace, bytes); };
  SeedCopy copy(options, [this, source](const CopyRequest& request) {
    return copies_.begin_ask(source, request, kAskTimeout);
  });
  ASSIGN_OR_RETURN(const SeedOffer offer, copy.open());
  for (const SeedOffer::Segment& segment : offer.segments)
    pace.total += storage::kSegmentHeaderBytes + (segment.end - segment.base);
  log::info(
      "making a copy from another one",
      {{"shard", shard.id()}, {"node", source}, {"up_to", offer.applied}, {"bytes", pace.total}});
  const auto done = copy.run(offer);
  copy.close(offer);
  RETURN_IF_ERROR(done);
  const double seconds =
      std::max(std::chrono::duration<double>(Clock::now() - pace.began).count(), 1e-3);
  RETURN_IF_ERROR(install(shard, offer));
  log::info("a copy was made from another one",
            {{"shard", shard.id()},
             {"node", source},
             {"bytes", pace.done},
             {"seconds", seconds},
             {"mb_per_s", static_cast<double>(pace.done) / seconds / 1e6}});
  return {};
}

Result<void> Seeder::install(Shard& shard, const SeedOffer& offer) {
  const storage::ReplicaOptions& replica = shard.options().replica;
  return shard.replace([&]() -> Result<void> {
    storage::Env& env = *shard.options().env;
    // Another copy (D8), which keeps what this node has promised; it has acknowledged nothing yet.
    storage::ReplicaMeta meta;
    meta.cluster = replica.cluster;
    meta.disk = random_uuid();
    meta.shard = replica.shard;
    meta.kind = replica.kind;
    meta.lineage = offer.lineage;
    meta.reign = shard.replica().reign();
    meta.reign.suspect = false;
    meta.boot = storage::current_boot();
    meta.clean = true;
    RETURN_IF_ERROR(storage::write_replica_meta(env, seed_folder(replica.folder) + "/meta", meta));
    if (shard.replica().log().end().value > kIdleIndexBytes)
      return Error{ErrorCode::kUnavailable,
                   "this copy was made anew from another one, and is taken in at the next start"};
    return take_seed_in(env, replica.folder);
  });
}

}  // namespace everpost::cluster
