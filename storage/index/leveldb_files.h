// The files of one LevelDB database, as LevelDB wants them, on our own. What they do for durability
// is described in leveldb_env.h.
#pragma once

#include <atomic>
#include <leveldb/env.h>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "storage/env/env.h"
#include "storage/index/hint_file.h"

namespace everpost::storage::leveldb_files {

using Disk = Env;  // LevelDB has an Env, too
using leveldb::Slice;
using leveldb::Status;

Status to_status(const Error& error);
template <class T>
Status to_status(const Result<T>& result) {
  return result ? Status::OK() : to_status(result.error());
}

std::string folder_of(const std::string& path);
std::string_view name_of(const std::string& path);
bool is_manifest(const std::string& path);  // MANIFEST-000004
bool is_log(std::string_view name);         // 000003.log
std::uint64_t log_number(std::string_view name);

// The first failed write or sync of a database, kept: what comes after it fails, too. LevelDB drops
// the error of a file that it closes in a destructor, and would go on as if it were durable.
class Health {
 public:
  Status check() const { return broken_.load(std::memory_order_acquire) ? why() : Status::OK(); }
  Status note(Status status) {
    if (status.ok()) return status;
    const std::lock_guard lock(mutex_);
    if (why_.ok()) why_ = status;
    broken_.store(true, std::memory_order_release);
    return status;
  }

 private:
  Status why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  std::atomic<bool> broken_{false};
  mutable std::mutex mutex_;
  Status why_;
};

// How far the manifest in force is synced, kept in the file `SYNCED` beside it. Thread-safe.
class ManifestHint {
 public:
  explicit ManifestHint(Disk& env) : env_(env) {}

  // The manifest at `path` is synced up to `bytes`.
  void note(const std::string& path, std::uint64_t bytes);
  // Makes what was noted durable, if it is not yet.
  Result<void> make_durable();
  // How much of the manifest at `path` must not be missing.
  Result<std::uint64_t> bound(const std::string& path) const;

 private:
  Disk& env_;
  mutable std::mutex mutex_;
  std::string folder_;
  std::unique_ptr<HintFile> file_;
  HintFile::Value synced_, durable_;
};

// Reads up to `end`, as if the file ended there.
std::unique_ptr<leveldb::SequentialFile> sequential(std::unique_ptr<File> file, std::uint64_t end);
std::unique_ptr<leveldb::RandomAccessFile> random_access(std::unique_ptr<File> file);
// Appends from `at`, where the file ends, through a buffer. The rest must outlive it.
std::unique_ptr<leveldb::WritableFile> writable(Disk& env, Health& health, ManifestHint& manifest,
                                                std::string path, std::unique_ptr<File> file,
                                                std::uint64_t at);

}  // namespace everpost::storage::leveldb_files
