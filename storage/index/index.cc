#include "storage/index/index.h"

#include <leveldb/write_batch.h>
#include <mutex>

#include "base/invariant.h"
#include "storage/index/database.h"
#include "storage/index/digest.h"
#include "storage/index/keys.h"
#include "storage/index/overlay.h"

namespace everpost::storage {
namespace {

using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;

Result<std::optional<std::string>> get_from(leveldb::DB& db, const leveldb::ReadOptions& options,
                                            std::string_view key) {
  std::string value;
  const leveldb::Status status = db.Get(options, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return database_error("get", status);
  return value;
}

void put_state(leveldb::WriteBatch& batch, Lsn applied, StateDigest digest) {
  std::string value;
  append_le(value, applied.value);
  batch.Put(slice(keys::kApplied), value);
  value.clear();
  append_le(value, digest.low);
  append_le(value, digest.high);
  batch.Put(slice(keys::kDigest), value);
}

class Snapshot final : public IndexView {
 public:
  explicit Snapshot(std::shared_ptr<Database> database)
      : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}
  ~Snapshot() override { database_->db->ReleaseSnapshot(snapshot_); }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    return get_from(*database_->db, checked(snapshot_), key);
  }

  Result<void> scan(std::string_view prefix, std::string_view from,
                    const Visit& visit) const override {
    const std::unique_ptr<leveldb::Iterator> at(database_->db->NewIterator(checked(snapshot_)));
    for (at->Seek(slice(std::max(prefix, from))); at->Valid(); at->Next()) {
      const std::string_view key = view(at->key());
      if (!key.starts_with(prefix)) break;
      ASSIGN_OR_RETURN(const bool more, visit(key, view(at->value())));
      if (!more) break;
    }
    if (!at->status().ok()) return database_error("scan", at->status());
    return {};
  }

  // All keys, past the block cache.
  Result<StateDigest> digest() const {
    StateDigest digest;
    std::string scratch;
    leveldb::ReadOptions options = checked(snapshot_);
    options.fill_cache = false;
    const std::unique_ptr<leveldb::Iterator> at(database_->db->NewIterator(options));
    for (at->SeekToFirst(); at->Valid(); at->Next())
      digest ^= hash_entry(view(at->key()), view(at->value()), scratch);
    if (!at->status().ok()) return database_error("compute the digest", at->status());
    return digest;
  }

 private:
  const std::shared_ptr<Database> database_;
  const leveldb::Snapshot* const snapshot_;
};

class LevelDbIndex final : public Index {
 public:
  LevelDbIndex(std::shared_ptr<Database> database, Lsn applied, StateDigest digest)
      : database_(std::move(database)), applied_(applied), digest_(digest) {}

  Lsn applied() const override {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  StateDigest digest() const override {
    const std::lock_guard lock(mutex_);
    return digest_;
  }
  std::unique_ptr<IndexTxn> begin() override;
  std::unique_ptr<IndexView> snapshot() const override {
    return std::make_unique<Snapshot>(database_);
  }

  Result<void> checkpoint() override {
    // A synced write makes its own log file durable, and everything before it is in older files,
    // which the environment synced when they were closed (leveldb_env.h).
    leveldb::WriteOptions options;
    options.sync = true;
    leveldb::WriteBatch batch;
    put_state(batch, applied(), digest());
    const leveldb::Status status = database_->db->Write(options, &batch);
    if (!status.ok()) return database_error("checkpoint", status);
    return {};
  }

  Result<StateDigest> recompute_digest() const override { return Snapshot(database_).digest(); }

  Database& database() { return *database_; }
  Result<void> write(leveldb::WriteBatch& batch, Lsn applied, StateDigest digest) {
    const leveldb::Status status = database_->db->Write(leveldb::WriteOptions(), &batch);
    if (!status.ok()) return database_error("apply", status);
    const std::lock_guard lock(mutex_);
    applied_ = applied;
    digest_ = digest;
    return {};
  }
  void txn_ended() { txn_open_ = false; }

 private:
  const std::shared_ptr<Database> database_;
  mutable std::mutex mutex_;  // the two below: written by the applier, asked for by anybody
  Lsn applied_;
  StateDigest digest_;
  bool txn_open_ = false;
};

class LevelDbTxn final : public IndexTxn {
 public:
  explicit LevelDbTxn(LevelDbIndex& index)
      : index_(index), db_(*index.database().db), overlay_(index.digest()) {}
  ~LevelDbTxn() override { index_.txn_ended(); }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    if (const Overlay::Slot* slot = overlay_.find(key)) {
      if (!slot->live) return std::nullopt;
      return std::string(slot->value);
    }
    return get_from(db_, checked(), key);
  }

  Result<void> scan(std::string_view prefix, std::string_view from,
                    const Visit& visit) const override {
    const std::string_view start = std::max(prefix, from);
    const std::unique_ptr<leveldb::Iterator> below(db_.NewIterator(checked()));
    auto above = overlay_.slots().lower_bound(start);
    for (below->Seek(slice(start));;) {
      const bool have_below = below->Valid() && below->key().starts_with(slice(prefix));
      const bool have_above = above != overlay_.slots().end() && above->first.starts_with(prefix);
      if (!have_below && !have_above) break;
      if (have_above && (!have_below || above->first <= view(below->key()))) {
        if (have_below && above->first == view(below->key())) below->Next();
        const auto current = above++;
        if (!current->second.live) continue;
        ASSIGN_OR_RETURN(const bool more, visit(current->first, current->second.value));
        if (!more) return {};
      } else {
        ASSIGN_OR_RETURN(const bool more, visit(view(below->key()), view(below->value())));
        if (!more) return {};
        below->Next();
      }
    }
    if (!below->status().ok()) return database_error("scan", below->status());
    return {};
  }

  Result<void> put(std::string_view key, std::string_view value) override {
    ASSIGN_OR_RETURN(const StateDigest below, hash_below(key));
    overlay_.set(key, value, below);
    return {};
  }
  Result<void> remove(std::string_view key) override {
    ASSIGN_OR_RETURN(const StateDigest below, hash_below(key));
    overlay_.remove(key, below);
    return {};
  }
  void create(std::string_view key, std::string_view value) override {
    overlay_.set(key, value, {});
  }
  void replace(std::string_view key, std::string_view old, std::string_view value) override {
    overlay_.set(key, value, hash_entry(key, old, scratch_));
  }
  void erase(std::string_view key, std::string_view old) override {
    overlay_.remove(key, hash_entry(key, old, scratch_));
  }

  void mark() override { overlay_.mark(); }
  void undo_to_mark() override { overlay_.undo_to_mark(); }
  std::size_t pending_bytes() const override { return overlay_.bytes(); }

  Result<void> commit(Lsn applied) override {
    leveldb::WriteBatch batch;
    for (const auto& [key, slot] : overlay_.slots()) {
      if (slot.live)
        batch.Put(slice(key), slice(slot.value));
      else
        batch.Delete(slice(key));
    }
    put_state(batch, applied, overlay_.digest());
    return index_.write(batch, applied, overlay_.digest());
  }

 private:
  // The hash of what the database has for `key`; not asked where the overlay knows better.
  Result<StateDigest> hash_below(std::string_view key) {
    if (overlay_.find(key)) return StateDigest{};
    ASSIGN_OR_RETURN(const auto old, get_from(db_, checked(), key));
    return old ? hash_entry(key, *old, scratch_) : StateDigest{};
  }

  LevelDbIndex& index_;
  leveldb::DB& db_;
  Overlay overlay_;
  std::string scratch_;
};

std::unique_ptr<IndexTxn> LevelDbIndex::begin() {
  INVARIANT(!txn_open_, "one transaction at a time");
  txn_open_ = true;
  return std::make_unique<LevelDbTxn>(*this);
}

}  // namespace

Result<std::unique_ptr<Index>> Index::open(Env& env, const std::string& folder,
                                           std::uint64_t cache_bytes) {
  ASSIGN_OR_RETURN(auto database, Database::open(env, folder, cache_bytes));
  ASSIGN_OR_RETURN(const auto applied, get_from(*database->db, checked(), keys::kApplied));
  ASSIGN_OR_RETURN(const auto digest, get_from(*database->db, checked(), keys::kDigest));
  if (applied.has_value() != digest.has_value() || (applied && applied->size() != 8) ||
      (digest && digest->size() != 16))
    return Error{ErrorCode::kCorrupt, "index: " + folder + ": Z/applied or Z/digest is damaged"};
  Lsn at;
  StateDigest state;
  if (applied) {
    at = Lsn{load_le<std::uint64_t>(as_bytes(*applied).data())};
    state.low = load_le<std::uint64_t>(as_bytes(*digest).data());
    state.high = load_le<std::uint64_t>(as_bytes(*digest).data() + 8);
  }
  return std::make_unique<LevelDbIndex>(std::move(database), at, state);
}

}  // namespace everpost::storage
