#include "storage/replica/replica.h"

#include <atomic>
#include <mutex>

#include "base/log.h"
#include "storage/index/digest.h"
#include "storage/index/keys.h"
#include "storage/replica/apply_records.h"
#include "storage/replica/damage.h"
#include "storage/replica/recovery.h"

namespace everpost::storage {
namespace {

class OpenReplica final : public Replica {
 public:
  OpenReplica(Env& env, ReplicaOptions options, ReplicaParts parts)
      : env_(env),
        options_(std::move(options)),
        parts_(std::move(parts)),
        disk_(parts_.meta.disk),
        noted_durable_(Lsn{parts_.durable->found().first}),
        garbage_(env, {options_.folder + "/gc", options_.undelete_window}, *parts_.log,
                 *parts_.index, *pins_),
        scrub_(env, {options_.folder, options_.scrub_log_every, options_.scrub_index_every},
               *parts_.log, [this](const Log::Pace& pace) { return check_index(pace); }) {
    note_mark();
  }

  Log& log() override { return *parts_.log; }
  ShardId shard() const override { return options_.shard; }
  Uuid disk() const override { return disk_; }
  Lsn applied() const override { return parts_.index->applied(); }
  Lineage lineage() const override {
    const std::lock_guard lock(meta_mutex_);
    return parts_.meta.lineage;
  }
  ReplicaReign reign() const override {
    const std::lock_guard lock(meta_mutex_);
    return parts_.meta.reign;
  }

  Result<void> set_reign(const ReplicaReign& reign) override {
    return change_meta([&](ReplicaMeta& meta) -> Result<void> {
      if (reign.epoch < meta.reign.epoch)
        return Error{ErrorCode::kFenced,
                     "shard " + to_string(options_.shard) + ": this copy has seen epoch " +
                         to_string(meta.reign.epoch) + ", " + to_string(reign.epoch) + " is older"};
      meta.reign = reign;
      return {};
    });
  }

  Result<std::vector<Applied>> apply(std::span<const Record> records) override {
    if (records.empty()) return std::vector<Applied>();
    RETURN_IF_ERROR(check_undamaged());
    auto applied = apply_records(*parts_.applying, *parts_.index, options_.kind, records);
    if (!applied) return broken(applied.error());
    note_mark();
    return applied;
  }

  Result<Lsn> checkpoint() override {
    RETURN_IF_ERROR(check_undamaged());
    const Lsn applied = parts_.index->applied();
    if (auto done = parts_.index->checkpoint(); !done) return broken(done.error());
    durable_index_.store(applied.value, std::memory_order_release);
    return applied;
  }

  std::string digest() const override { return to_string(parts_.index->digest()); }

  CheckpointMark mark() const override {
    const std::lock_guard lock(mark_mutex_);
    return mark_;
  }

  Result<std::unique_ptr<MailReader>> mail_reader() const override {
    RETURN_IF_ERROR(check_kind(ShardKind::kMail));
    auto pin = pins_->hold(parts_.index->applied());
    return make_mail_reader(watch_for_damage(parts_.index->snapshot(), damage_, std::move(pin)));
  }
  Result<std::unique_ptr<DirectoryReader>> directory_reader() const override {
    RETURN_IF_ERROR(check_kind(ShardKind::kDirectory));
    return make_directory_reader(watch_for_damage(parts_.index->snapshot(), damage_));
  }

  Result<GarbageRound> collect_garbage(Micros now, const Log::Pace& pace) override {
    const Lsn durable{durable_index_.load(std::memory_order_acquire)};
    auto round = garbage_.collect(durable, now, pace);
    if (!round)
      return in_context("shard " + to_string(options_.shard) + ": garbage collection",
                        std::move(round).error());
    return round;
  }
  Pins& pins() override { return *pins_; }
  Scrub& scrub() override { return scrub_; }
  std::unique_ptr<IndexView> index_snapshot() const override {
    return watch_for_damage(parts_.index->snapshot(), damage_);
  }

  void note_durable(Lsn durable) override {
    const bool falls = durable < noted_durable_;  // before the log is truncated
    auto written = parts_.durable->write({durable.value, 0});
    if (written && falls) written = parts_.durable->sync();
    if (!written)
      log::warning("durable LSN not noted",
                   {{"shard", options_.shard}, {"error", to_string(written.error())}});
    noted_durable_ = durable;
  }

  Result<void> close() override {
    RETURN_IF_ERROR(checkpoint());
    ASSIGN_OR_RETURN(const Lsn durable, parts_.log->sync());
    note_durable(durable);
    return change_meta([](ReplicaMeta& meta) -> Result<void> {
      meta.clean = true;
      return {};
    });
  }

  Result<std::vector<std::string>> verify() override {
    ASSIGN_OR_RETURN(std::vector<std::string> findings, parts_.log->verify());
    ASSIGN_OR_RETURN(const auto more,
                     check_index([](std::uint64_t, std::uint64_t) { return true; }));
    findings.insert(findings.end(), more.begin(), more.end());
    return findings;
  }

 private:
  Result<void> check_kind(ShardKind kind) const {
    if (options_.kind == kind) return {};
    return Error{ErrorCode::kInvalidArgument,
                 "shard " + to_string(options_.shard) + ": a shard of another kind"};
  }

  template <class Change>
  Result<void> change_meta(Change change) {
    const std::lock_guard lock(meta_mutex_);
    ReplicaMeta next = parts_.meta;
    RETURN_IF_ERROR(change(next));
    if (next == parts_.meta) return {};
    RETURN_IF_ERROR(write_replica_meta(env_, meta_path(options_), next));
    parts_.meta = next;
    return {};
  }

  void note_mark() {
    const std::lock_guard lock(mark_mutex_);
    mark_ = {parts_.index->applied(), parts_.index->digest()};
  }

  // What a reader found stops the applier.
  Result<void> check_undamaged() {
    if (const std::optional<Error> found = damage_->found()) return broken(*found);
    return {};
  }

  // An error of the index. The process will stop; if the index is damaged, the next one makes it
  // anew from the log.
  Error broken(const Error& error) {
    if (error.code != ErrorCode::kCorrupt) return error;
    damage_->note(error);
    const auto noted = change_meta([](ReplicaMeta& meta) -> Result<void> {
      meta.index_damaged = true;
      return {};
    });
    if (!noted)
      log::error("index damage not noted",
                 {{"shard", options_.shard}, {"error", to_string(noted.error())}});
    return in_context("shard " + to_string(options_.shard) +
                          ": the index is damaged; the next start makes it anew from the log",
                      error);
  }

  // What is found stops the applier: the next start makes the index anew.
  Result<std::vector<std::string>> check_index(const Log::Pace& pace) {
    const auto checked = verify_index(*parts_.index->snapshot(), pace);
    if (checked) return std::vector<std::string>{};
    if (checked.error().code != ErrorCode::kCorrupt) return checked.error();
    damage_->note(checked.error());
    return std::vector{checked.error().context};
  }

  // Reads every key with its checksums, and compares the digest with the one kept. Errors: kClosed,
  // if `pace` (bytes) stopped it.
  Result<void> verify_index(const IndexView& view, const Log::Pace& pace) const {
    constexpr std::uint64_t kPaceBytes = 1 << 20;
    std::uint64_t bytes = 0;
    ASSIGN_OR_RETURN(const auto kept, view.get(keys::kDigest));
    StateDigest want;
    if (kept && kept->size() == 16)
      want = {load_le<std::uint64_t>(as_bytes(*kept).data()),
              load_le<std::uint64_t>(as_bytes(*kept).data() + 8)};
    StateDigest got;
    std::string scratch;
    RETURN_IF_ERROR(view.scan({}, {}, [&](std::string_view key, std::string_view value) {
      got ^= hash_entry(key, value, scratch);
      bytes += key.size() + value.size();
      if (bytes >= kPaceBytes && !pace(std::exchange(bytes, 0), 1))
        return Result<bool>(Error{ErrorCode::kClosed, "the check was stopped"});
      return Result<bool>(true);
    }));
    if (got == want) return {};
    return Error{ErrorCode::kCorrupt, options_.folder + "/index: its contents have the digest " +
                                          to_string(got) + ", kept was " + to_string(want)};
  }

  Env& env_;
  const ReplicaOptions options_;
  const std::shared_ptr<IndexDamage> damage_ = std::make_shared<IndexDamage>();
  ReplicaParts parts_;
  const Uuid disk_;
  mutable std::mutex meta_mutex_;  // parts_.meta
  mutable std::mutex mark_mutex_;
  CheckpointMark mark_;
  Lsn noted_durable_;                            // of the log's thread
  std::atomic<std::uint64_t> durable_index_{0};  // of the last checkpoint in this process
  const std::shared_ptr<Pins> pins_ = std::make_shared<Pins>();
  Garbage garbage_;
  Scrub scrub_;
};

}  // namespace

Result<std::unique_ptr<Replica>> Replica::open(Env& env, ReplicaOptions options,
                                               ReplicaRecovery& recovery) {
  recovery = {};
  ASSIGN_OR_RETURN(ReplicaParts parts, recover_replica(env, options, recovery));
  return std::make_unique<OpenReplica>(env, std::move(options), std::move(parts));
}

}  // namespace everpost::storage
