#include "storage/index/leveldb_env.h"

#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "storage/index/leveldb_files.h"
#include "storage/index/leveldb_log.h"

namespace everpost::storage {
namespace {

using namespace leveldb_files;  // NOLINT: they are this file's other half

struct Lock final : leveldb::FileLock {
  std::shared_ptr<void> handle;
};

// What LevelDB writes to its LOG file, a line at a time.
class DebugLogger final : public leveldb::Logger {
 public:
  explicit DebugLogger(std::string folder) : folder_(std::move(folder)) {}
  void Logv(const char* format, std::va_list args) override {
    if (!log::enabled(log::Level::kDebug)) return;
    char line[512];
    std::vsnprintf(line, sizeof line, format, args);
    log::debug("leveldb", {{"folder", folder_}, {"text", line}});
  }

 private:
  std::string folder_;
};

class LevelDbEnv final : public leveldb::EnvWrapper {
 public:
  explicit LevelDbEnv(Disk& env) : EnvWrapper(leveldb::Env::Default()), env_(env), manifest_(env) {}

  Status NewSequentialFile(const std::string& path, leveldb::SequentialFile** to) override {
    *to = nullptr;
    Result<std::unique_ptr<File>> file = env_.open(path, Disk::Open::kRead);
    if (!file) return to_status(file.error());
    Result<std::uint64_t> end = (*file)->size();
    if (end && is_manifest(path)) end = good_manifest(path, **file);
    if (end && is_log(path)) end = good_log(path, **file);
    if (!end) return to_status(end.error());
    *to = sequential(*std::move(file), *end).release();
    return Status::OK();
  }

  Status NewRandomAccessFile(const std::string& path, leveldb::RandomAccessFile** to) override {
    *to = nullptr;
    Result<std::unique_ptr<File>> file = env_.open(path, Disk::Open::kRead);
    if (!file) return to_status(file.error());
    *to = random_access(*std::move(file)).release();
    return Status::OK();
  }

  Status NewWritableFile(const std::string& path, leveldb::WritableFile** to) override {
    return open_for_writing(path, Disk::Open::kTruncate, to);
  }
  Status NewAppendableFile(const std::string& path, leveldb::WritableFile** to) override {
    return open_for_writing(path, Disk::Open::kCreate, to);
  }

  bool FileExists(const std::string& path) override {
    const Result<bool> exists = env_.exists(path);
    return exists && *exists;
  }
  Status GetChildren(const std::string& folder, std::vector<std::string>* names) override {
    Result<std::vector<std::string>> found = env_.list(folder);
    if (found) *names = *std::move(found);
    return to_status(found);
  }
  Status RemoveFile(const std::string& path) override {
    // Rule 3.
    if (Status s = health_.note(to_status(manifest_.make_durable())); !s.ok()) return s;
    return to_status(env_.remove(path));
  }
  Status CreateDir(const std::string& path) override {
    if (Status s = to_status(env_.make_folder(path)); !s.ok()) return s;
    return health_.note(to_status(env_.sync_folder(folder_of(path))));
  }
  Status RemoveDir(const std::string& path) override { return to_status(env_.remove_folder(path)); }
  Status GetFileSize(const std::string& path, std::uint64_t* bytes) override {
    *bytes = 0;
    Result<std::unique_ptr<File>> file = env_.open(path, Disk::Open::kRead);
    if (!file) return to_status(file.error());
    const Result<std::uint64_t> size = (*file)->size();
    if (size) *bytes = *size;
    return to_status(size);
  }

  Status RenameFile(const std::string& from, const std::string& to) override {
    if (Status s = to_status(env_.rename(from, to)); !s.ok()) return s;
    // CURRENT names the manifest in force. LevelDB removes the files of the one before right after.
    if (name_of(to) != "CURRENT") return Status::OK();
    return health_.note(to_status(env_.sync_folder(folder_of(to))));
  }

  Status LockFile(const std::string& path, leveldb::FileLock** to) override {
    *to = nullptr;
    Result<std::shared_ptr<void>> handle = env_.lock(path);
    if (!handle) return to_status(handle.error());
    auto lock = std::make_unique<Lock>();
    lock->handle = *std::move(handle);
    *to = lock.release();
    return Status::OK();
  }
  Status UnlockFile(leveldb::FileLock* lock) override {
    delete lock;
    return Status::OK();
  }

  Status NewLogger(const std::string& path, leveldb::Logger** to) override {
    *to = new DebugLogger(folder_of(path));
    return Status::OK();
  }

 private:
  Status open_for_writing(const std::string& path, Disk::Open mode, leveldb::WritableFile** to) {
    *to = nullptr;
    if (Status s = health_.check(); !s.ok()) return s;
    Result<std::unique_ptr<File>> file = env_.open(path, mode);
    if (!file) return health_.note(to_status(file.error()));
    const Result<std::uint64_t> at = (*file)->size();
    if (!at) return to_status(at.error());
    *to = writable(env_, health_, manifest_, path, *std::move(file), *at).release();
    return Status::OK();
  }

  static Error damaged(const std::string& path, const LevelDbLogCheck& check) {
    return {ErrorCode::kCorrupt, path + ": damaged at byte " + std::to_string(check.good_bytes) +
                                     " of " + std::to_string(check.file_bytes)};
  }
  static void tell_cut(const std::string& path, const LevelDbLogCheck& check) {
    log::warning("index file cut after an unclean stop",
                 {{"file", path}, {"at", check.good_bytes}, {"of", check.file_bytes}});
  }

  // Rule 3.
  Result<std::uint64_t> good_manifest(const std::string& path, File& file) {
    ASSIGN_OR_RETURN(const LevelDbLogCheck check, check_leveldb_log(file));
    ASSIGN_OR_RETURN(const std::uint64_t bound, manifest_.bound(path));
    if (check.good_bytes < bound) return damaged(path, check);
    if (!check.whole) tell_cut(path, check);
    return check.good_bytes;
  }

  // Rule 2. An older log was synced before the next one got its first byte, so what is damaged in
  // it was durable once: LevelDB shall see it and refuse.
  Result<std::uint64_t> good_log(const std::string& path, File& file) {
    ASSIGN_OR_RETURN(const LevelDbLogCheck check, check_leveldb_log(file));
    if (check.good_bytes == check.file_bytes) return check.file_bytes;
    ASSIGN_OR_RETURN(const bool newest, is_newest_log(path));
    if (!newest) return damaged(path, check);
    tell_cut(path, check);
    return check.good_bytes;
  }

  // An open that was interrupted leaves newer logs that are empty.
  Result<bool> is_newest_log(const std::string& path) {
    const std::string folder = folder_of(path);
    ASSIGN_OR_RETURN(const std::vector<std::string> names, env_.list(folder));
    for (const std::string& name : names) {
      if (!is_log(name) || log_number(name) <= log_number(name_of(path))) continue;
      ASSIGN_OR_RETURN(const auto file, env_.open(folder + "/" + name, Disk::Open::kRead));
      ASSIGN_OR_RETURN(const std::uint64_t bytes, file->size());
      if (bytes > 0) return false;
    }
    return true;
  }

  Disk& env_;
  Health health_;
  ManifestHint manifest_;
};

}  // namespace

std::unique_ptr<leveldb::Env> make_leveldb_env(Env& env) {
  return std::make_unique<LevelDbEnv>(env);
}

}  // namespace everpost::storage
