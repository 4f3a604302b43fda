#include "storage/replica/recovery.h"

#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "storage/replica/apply_records.h"
#include "storage/replica/boot_id.h"

namespace everpost::storage {
namespace {

constexpr std::uint64_t kBatchBytes = 4 << 20;
constexpr std::size_t kBatchRecords = 1024;
constexpr std::uint64_t kGroupBytesMax = 4 << 20;
constexpr std::uint64_t kSegmentHeaderBytes = 4096;
constexpr std::uint32_t kCrashesMax = 2;  // H48

std::string name(ShardId shard) { return "shard " + to_string(shard); }

class Recovery {
 public:
  Recovery(Env& env, const ReplicaOptions& options, ReplicaRecovery& told)
      : env_(env), options_(options), told_(told) {}

  Result<ReplicaParts> run() {
    RETURN_IF_ERROR(open_folder());
    RETURN_IF_ERROR(open_meta());
    RETURN_IF_ERROR(note_in_use());
    RETURN_IF_ERROR(open_index_and_log());
    RETURN_IF_ERROR(note_recovered());
    return std::move(parts_);
  }

 private:
  std::string path(const char* file) const { return options_.folder + "/" + file; }
  std::string parent() const {
    const auto slash = options_.folder.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : options_.folder.substr(0, slash);
  }
  Result<void> write_meta() { return write_replica_meta(env_, meta_path(options_), parts_.meta); }

  Result<void> open_folder();
  Result<void> open_meta();
  Result<void> check_identity() const;
  Result<void> note_in_use();
  Result<void> open_index_and_log();
  Result<bool> has_files(const std::string& folder) const;
  Result<std::unique_ptr<Index>> open_index() const;
  Result<void> open_log(Lsn scan_from);
  Result<void> check_against_log() const;
  Result<void> check_poison(bool applied_is_known);
  Result<void> catch_up();
  Result<void> apply(std::span<const Record> batch);
  Result<void> rebuild_index(const Error& why);
  Result<void> note_recovered();

  Env& env_;
  const ReplicaOptions& options_;
  ReplicaRecovery& told_;
  ReplicaParts parts_;
  Uuid boot_{};
  std::optional<Error> index_damage_;
};

Result<void> Recovery::open_folder() {
  RETURN_IF_ERROR(env_.make_folder(options_.folder));
  RETURN_IF_ERROR(env_.sync_folder(parent()));
  auto lock = env_.lock(path("lock"));
  if (!lock && lock.error().code == ErrorCode::kBusy)
    return in_context("another process has this replica open; stop it first", lock.error());
  if (!lock) return lock.error();
  parts_.lock = *std::move(lock);
  return {};
}

Result<void> Recovery::open_meta() {
  boot_ = options_.boot == Uuid{} ? current_boot() : options_.boot;
  auto found = read_replica_meta(env_, meta_path(options_));
  if (!found && found.error().code == ErrorCode::kCorrupt)
    return in_context(
        "it cannot be told which copy this is; restore the file, or the whole data folder, from a "
        "backup",
        found.error());
  if (!found) return found.error();
  if (*found) {
    parts_.meta = **found;
    RETURN_IF_ERROR(check_identity());
  } else {
    ASSIGN_OR_RETURN(const bool log, has_files(path("log")));
    if (log)
      return Error{ErrorCode::kCorrupt,
                   meta_path(options_) +
                       ": missing, though there is a log; restore the file, or the whole data "
                       "folder, from a backup"};
    parts_.meta.cluster = options_.cluster;
    parts_.meta.disk = random_uuid();
    parts_.meta.shard = options_.shard;
    parts_.meta.kind = options_.kind;
    parts_.meta.boot = boot_;
    RETURN_IF_ERROR(write_meta());
    told_.created = true;
  }
  told_.clean = parts_.meta.clean;
  told_.same_boot = parts_.meta.boot == boot_;
  ASSIGN_OR_RETURN(parts_.durable, HintFile::open(env_, path("durable")));
  ASSIGN_OR_RETURN(parts_.applying, HintFile::open(env_, path("applying")));
  return {};
}

Result<void> Recovery::check_identity() const {
  const ReplicaMeta& meta = parts_.meta;
  std::string wrong;
  if (meta.cluster != options_.cluster)
    wrong = "of cluster " + hex(meta.cluster) + ", not " + hex(options_.cluster);
  else if (meta.shard != options_.shard)
    wrong = "of " + name(meta.shard) + ", not " + name(options_.shard);
  else if (meta.kind != options_.kind)
    wrong = meta.kind == ShardKind::kMail ? "of a mail shard, not of the directory"
                                          : "of the directory, not of a mail shard";
  if (wrong.empty()) return {};
  return Error{ErrorCode::kInvalidArgument,
               meta_path(options_) + ": the folder is " + wrong + "; check the data folder"};
}

// Before anything changes: from here on the next start has to recover.
Result<void> Recovery::note_in_use() {
  if (!parts_.meta.clean) return {};
  parts_.meta.clean = false;
  return write_meta();
}

Result<bool> Recovery::has_files(const std::string& folder) const {
  ASSIGN_OR_RETURN(const bool exists, env_.exists(folder));
  if (!exists) return false;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, env_.list(folder));
  return !names.empty();
}

Result<void> Recovery::open_index_and_log() {
  const bool was_rebuilding = parts_.meta.index_damaged;
  auto index = was_rebuilding
                   ? Error{ErrorCode::kCorrupt, "it was found damaged before the last stop"}
                   : open_index();
  if (!index && index.error().code != ErrorCode::kCorrupt) return index.error();
  if (index) {
    parts_.index = *std::move(index);
    told_.applied = parts_.index->applied();
    RETURN_IF_ERROR(open_log(told_.applied));
    RETURN_IF_ERROR(check_against_log());
    RETURN_IF_ERROR(check_poison(true));
    const auto caught_up = catch_up();
    if (caught_up || !index_damage_) return caught_up;
    parts_.index.reset();
  } else {
    index_damage_ = index.error();
    RETURN_IF_ERROR(open_log(Lsn{}));
    RETURN_IF_ERROR(check_poison(false));
  }
  return rebuild_index(*index_damage_);
}

Result<std::unique_ptr<Index>> Recovery::open_index() const {
  const std::string folder = path("index");
  // Without CURRENT LevelDB would begin a new database and then find the logs of the old one.
  ASSIGN_OR_RETURN(const bool used, has_files(folder));
  ASSIGN_OR_RETURN(const bool current, env_.exists(folder + "/CURRENT"));
  if (used && !current) return Error{ErrorCode::kCorrupt, folder + "/CURRENT: missing"};
  return Index::open(env_, folder, options_.index_cache_bytes);
}

Result<void> Recovery::open_log(Lsn scan_from) {
  LogOptions options;
  options.folder = path("log");
  options.identity = {parts_.meta.cluster, parts_.meta.disk, parts_.meta.shard,
                      parts_.meta.lineage};
  options.segment_bytes = options_.segment_bytes;
  options.group_bytes_max = static_cast<std::uint32_t>(
      std::min(kGroupBytesMax, options_.segment_bytes - kSegmentHeaderBytes));
  Log::Start start;
  start.scan_from = scan_from;
  // What was applied was durable before.
  start.durable_hint = std::max(Lsn{parts_.durable->found().first}, scan_from);
  start.clean = told_.clean;
  start.same_boot = told_.same_boot;
  ASSIGN_OR_RETURN(parts_.log, Log::open(env_, options, start, told_.log));
  return {};
}

Result<void> Recovery::check_against_log() const {
  const Lsn applied = parts_.index->applied();
  if (applied > parts_.log->end())  // a log that ends with a whole segment
    return Error{ErrorCode::kCorrupt,
                 path("log") + " ends at LSN " + to_string(parts_.log->end()) + ", but " +
                     path("index") + " has applied records up to LSN " + to_string(applied) +
                     ": the log has lost its end. Restore the folder from a backup"};
  if (applied < parts_.log->begin())
    return Error{ErrorCode::kCorrupt, path("index") + " has applied records up to LSN " +
                                          to_string(applied) + " only, but " + path("log") +
                                          " begins at LSN " + to_string(parts_.log->begin()) +
                                          ". Restore the folder from a backup"};
  return {};
}

// Did the last process die while it applied a record? The hint `applying` names the records that it
// began to apply; if the index has not got them, it did not come to an end. (After a power loss it
// may have, and the index lost them.)
Result<void> Recovery::check_poison(bool applied_is_known) {
  const HintFile::Value mark = parts_.applying->found();
  const bool in_rebuild = parts_.meta.index_damaged;
  if (told_.clean || !told_.same_boot || mark == HintFile::Value{}) return {};
  const Lsn first{mark.first}, end{mark.second};
  if (applied_is_known ? parts_.index->applied() > first : !in_rebuild) return {};
  const auto record = parts_.log->read_record(first);
  if (!record) return {};  // not there any more: cut off with a torn tail
  told_.singly_until = end;
  if (record->header.end() != end) return {};  // one of several, as yet unknown

  ReplicaMeta& meta = parts_.meta;
  meta.crash_count = meta.crash_lsn == first ? meta.crash_count + 1 : 1;
  meta.crash_lsn = first;
  RETURN_IF_ERROR(write_meta());
  if (meta.crash_count < kCrashesMax) return parts_.applying->write({});  // it is counted
  return Error{ErrorCode::kCorrupt,
               "the process died " + std::to_string(meta.crash_count) +
                   " times while applying the record at LSN " + to_string(first) +
                   ", so it is not tried again. Install a version that can apply it, then remove " +
                   path("applying") + " and start"};
}

// Applies what is known to be committed.
Result<void> Recovery::catch_up() {
  const Lsn to = std::min(told_.log.last_commit, parts_.log->end());
  if (to <= parts_.index->applied()) return {};
  std::vector<Record> batch;
  std::uint64_t bytes = 0;
  const auto flush = [&]() -> Result<void> {
    if (!batch.empty()) RETURN_IF_ERROR(apply(batch));
    batch.clear();
    bytes = 0;
    return {};
  };
  RETURN_IF_ERROR(
      parts_.log->scan(parts_.index->applied(), to, [&](const Record& record) -> Result<bool> {
        bytes += record.header.end() - record.header.lsn;
        const bool alone = record.header.lsn < told_.singly_until;
        batch.push_back(record);
        if (alone || bytes >= kBatchBytes || batch.size() >= kBatchRecords)
          RETURN_IF_ERROR(flush());
        return true;
      }));
  return flush();
}

Result<void> Recovery::apply(std::span<const Record> batch) {
  const auto applied = apply_records(*parts_.applying, *parts_.index, options_.kind, batch);
  if (!applied) {
    if (applied.error().code == ErrorCode::kCorrupt) index_damage_ = applied.error();
    return applied.error();
  }
  constexpr std::uint64_t kTellEvery = 100'000;
  if ((told_.replayed + batch.size()) / kTellEvery > told_.replayed / kTellEvery)
    log::info("applying the log", {{"shard", options_.shard},
                                   {"records", told_.replayed + batch.size()},
                                   {"lsn", parts_.index->applied()},
                                   {"of", parts_.log->end()}});
  told_.replayed += batch.size();
  return {};
}

Result<void> Recovery::rebuild_index(const Error& why) {
  const std::string folder = path("index");
  if (parts_.log->begin() != Lsn{})
    return Error{ErrorCode::kCorrupt,
                 folder + " is damaged (" + why.context + "), and " + path("log") +
                     " begins only at LSN " + to_string(parts_.log->begin()) +
                     ", so it cannot be made anew. Restore the folder from a backup"};
  log::error("index damaged: making it anew from the log",
             {{"shard", options_.shard}, {"folder", folder}, {"why", to_string(why)}});
  if (!parts_.meta.index_damaged) {
    parts_.meta.index_damaged = true;
    RETURN_IF_ERROR(write_meta());
    RETURN_IF_ERROR(parts_.applying->write({}));
  }
  // The log was scanned from where the index was. Now all of it is needed, and its commit point.
  if (told_.applied != Lsn{}) {
    parts_.log.reset();
    RETURN_IF_ERROR(open_log(Lsn{}));
  }
  told_.applied = Lsn{};
  told_.replayed = 0;
  told_.index_rebuilt = true;

  ASSIGN_OR_RETURN(const bool exists, env_.exists(folder));
  if (exists) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, env_.list(folder));
    for (const std::string& file : files) RETURN_IF_ERROR(env_.remove(folder + "/" + file));
    RETURN_IF_ERROR(env_.sync_folder(folder));
  }
  ASSIGN_OR_RETURN(parts_.index, Index::open(env_, folder, options_.index_cache_bytes));
  RETURN_IF_ERROR(catch_up());
  RETURN_IF_ERROR(parts_.index->checkpoint());
  log::info("index made anew", {{"shard", options_.shard},
                                {"records", told_.replayed},
                                {"applied", parts_.index->applied()}});
  return {};
}

Result<void> Recovery::note_recovered() {
  RETURN_IF_ERROR(env_.sync_folder(options_.folder));
  ReplicaMeta next = parts_.meta;
  next.boot = boot_;
  // Together with the boot, or a start that fails between the two would be forgotten (D7).
  if (!told_.created && !told_.clean && !told_.same_boot) next.reign.suspect = true;
  next.index_damaged = false;
  if (parts_.index->applied() > next.crash_lsn) {
    next.crash_lsn = Lsn{};
    next.crash_count = 0;
  }
  if (next == parts_.meta) return {};
  parts_.meta = next;
  return write_meta();
}

}  // namespace

Result<ReplicaParts> recover_replica(Env& env, const ReplicaOptions& options,
                                     ReplicaRecovery& recovery) {
  return Recovery(env, options, recovery).run();
}

}  // namespace everpost::storage
