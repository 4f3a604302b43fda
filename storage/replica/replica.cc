#include "storage/replica/replica.h"

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
        noted_durable_(Lsn{parts_.durable->found().first}) {
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
    return applied;
  }

  std::string digest() const override { return to_string(parts_.index->digest()); }

  CheckpointMark mark() const override {
    const std::lock_guard lock(mark_mutex_);
    return mark_;
  }

  Result<std::unique_ptr<MailReader>> mail_reader() const override {
    RETURN_IF_ERROR(check_kind(ShardKind::kMail));
    return make_mail_reader(watch_for_damage(parts_.index->snapshot(), damage_));
  }
  Result<std::unique_ptr<DirectoryReader>> directory_reader() const override {
    RETURN_IF_ERROR(check_kind(ShardKind::kDirectory));
    return make_directory_reader(watch_for_damage(parts_.index->snapshot(), damage_));
  }

  std::unique_ptr<IndexView> index_snapshot() const override {
    return watch_for_damage(parts_.index->snapshot(), damage_);
  }
  LogPins& pins() override { return pins_; }

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
    const auto damaged = verify_index(*parts_.index->snapshot());
    if (damaged) return findings;
    if (damaged.error().code != ErrorCode::kCorrupt) return damaged.error();
    damage_->note(damaged.error());
    findings.push_back(damaged.error().context);
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

  // Reads every key with its checksums, and compares the digest with the one kept.
  Result<void> verify_index(const IndexView& view) const {
    ASSIGN_OR_RETURN(const auto kept, view.get(keys::kDigest));
    StateDigest want;
    if (kept && kept->size() == 16)
      want = {load_le<std::uint64_t>(as_bytes(*kept).data()),
              load_le<std::uint64_t>(as_bytes(*kept).data() + 8)};
    StateDigest got;
    std::string scratch;
    RETURN_IF_ERROR(view.scan({}, {}, [&](std::string_view key, std::string_view value) {
      got ^= hash_entry(key, value, scratch);
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
  LogPins pins_;
  Lsn noted_durable_;  // of the log's thread
};

}  // namespace

Result<std::unique_ptr<Replica>> Replica::open(Env& env, ReplicaOptions options,
                                               ReplicaRecovery& recovery) {
  recovery = {};
  ASSIGN_OR_RETURN(ReplicaParts parts, recover_replica(env, options, recovery));
  return std::make_unique<OpenReplica>(env, std::move(options), std::move(parts));
}

}  // namespace everpost::storage
