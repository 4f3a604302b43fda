#include "storage/index/leveldb_env.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <leveldb/slice.h>
#include <mutex>

#include "base/log.h"
#include "storage/index/leveldb_log.h"

namespace everpost::storage {
namespace {

using Disk = Env;  // LevelDB has an Env, too
using leveldb::Slice;
using leveldb::Status;

constexpr std::size_t kBufferBytes = 64 << 10;  // as LevelDB's own

Status to_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return Status::NotFound(error.context);
    case ErrorCode::kCorrupt:
      return Status::Corruption(error.context);
    default:
      return Status::IOError(to_string(error));
  }
}
template <class T>
Status to_status(const Result<T>& result) {
  return result ? Status::OK() : to_status(result.error());
}

Bytes bytes_of(const Slice& slice) { return as_bytes({slice.data(), slice.size()}); }
std::span<std::byte> room(char* to, std::size_t bytes) {
  return {reinterpret_cast<std::byte*>(to), bytes};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}
std::string_view name_of(const std::string& path) {
  return std::string_view(path).substr(path.rfind('/') + 1);
}
bool is_manifest(const std::string& path) { return name_of(path).starts_with("MANIFEST-"); }
bool is_log(std::string_view name) { return name.ends_with(".log"); }
std::uint64_t number_of(std::string_view name) {
  std::uint64_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

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

class Sequential final : public leveldb::SequentialFile {
 public:
  Sequential(std::unique_ptr<File> file, std::uint64_t end) : file_(std::move(file)), end_(end) {}

  Status Read(std::size_t n, Slice* result, char* scratch) override {
    const std::size_t want = std::min<std::uint64_t>(n, end_ - at_);
    const Result<std::size_t> got = file_->read(at_, room(scratch, want));
    if (!got) return to_status(got.error());
    at_ += *got;
    *result = Slice(scratch, *got);
    return Status::OK();
  }
  Status Skip(std::uint64_t n) override {
    at_ = n > end_ - at_ ? end_ : at_ + n;
    return Status::OK();
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t at_ = 0;
  std::uint64_t end_;
};

class RandomAccess final : public leveldb::RandomAccessFile {
 public:
  explicit RandomAccess(std::unique_ptr<File> file) : file_(std::move(file)) {}

  Status Read(std::uint64_t offset, std::size_t n, Slice* result, char* scratch) const override {
    const Result<std::size_t> got = file_->read(offset, room(scratch, n));
    if (!got) return to_status(got.error());
    *result = Slice(scratch, *got);
    return Status::OK();
  }

 private:
  std::unique_ptr<File> file_;
};

class Writable final : public leveldb::WritableFile {
 public:
  // `at`: where the file ends.
  Writable(Env& env, Health& health, std::string path, std::unique_ptr<File> file, std::uint64_t at)
      : env_(env),
        health_(health),
        path_(std::move(path)),
        file_(std::move(file)),
        at_(at),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(kBufferBytes)) {}
  // LevelDB closes `.log` files here, with nobody to tell about an error: `health_` keeps it.
  ~Writable() override {
    if (file_) (void)Close();
  }

  Status Append(const Slice& data) override {
    if (data.size() <= kBufferBytes - buffered_) {
      std::memcpy(buffer_.get() + buffered_, data.data(), data.size());
      buffered_ += data.size();
      return Status::OK();
    }
    if (data.size() >= kBufferBytes) return write(bytes_of(data));
    if (Status s = write({}); !s.ok()) return s;
    return Append(data);
  }

  Status Flush() override { return write({}); }

  Status Sync() override {
    // What a manifest names has to be in the folder before the manifest is; a new file has to be
    // there itself.
    if (!in_folder_ || is_manifest(path_)) {
      if (Status s = health_.note(to_status(env_.sync_folder(folder_of(path_)))); !s.ok()) return s;
      in_folder_ = true;
    }
    if (Status s = write({}); !s.ok()) return s;
    if (Status s = health_.note(to_status(file_->sync())); !s.ok()) return s;
    synced_ = at_;
    return Status::OK();
  }

  Status Close() override {
    Status status = is_log(path_) && (synced_ != at_ || buffered_ > 0) ? Sync() : write({});
    file_.reset();
    return status;
  }

 private:
  // Writes the buffer and `more` behind it.
  Status write(Bytes more) {
    if (Status s = health_.check(); !s.ok()) return s;
    const Bytes parts[] = {Bytes(buffer_.get(), buffered_), more};
    const std::uint64_t bytes = buffered_ + more.size();
    if (bytes == 0) return Status::OK();
    const Result<void> written = file_->write(at_, std::span<const Bytes>(parts));
    if (!written) {
      // A disk that is full may have taken a part. Without it the file still ends with a record.
      (void)file_->truncate(at_);
      return health_.note(to_status(written.error()));
    }
    at_ += bytes;
    buffered_ = 0;
    return Status::OK();
  }

  Env& env_;
  Health& health_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t at_;          // where the next write goes
  std::uint64_t synced_ = 0;  // durable up to here
  bool in_folder_ = false;    // its name is on stable storage
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffered_ = 0;
};

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
  explicit LevelDbEnv(Disk& env) : EnvWrapper(leveldb::Env::Default()), env_(env) {}

  Status NewSequentialFile(const std::string& path, leveldb::SequentialFile** to) override {
    *to = nullptr;
    Result<std::unique_ptr<File>> file = env_.open(path, Disk::Open::kRead);
    if (!file) return to_status(file.error());
    Result<std::uint64_t> end = (*file)->size();
    if (end && is_manifest(path)) end = whole_manifest(path, **file);
    if (end && is_log(path)) end = good_log(path, **file);
    if (!end) return to_status(end.error());
    *to = new Sequential(*std::move(file), *end);
    return Status::OK();
  }

  Status NewRandomAccessFile(const std::string& path, leveldb::RandomAccessFile** to) override {
    *to = nullptr;
    Result<std::unique_ptr<File>> file = env_.open(path, Disk::Open::kRead);
    if (!file) return to_status(file.error());
    *to = new RandomAccess(*std::move(file));
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
  Status RemoveFile(const std::string& path) override { return to_status(env_.remove(path)); }
  Status CreateDir(const std::string& path) override { return to_status(env_.make_folder(path)); }
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
    *to = new Writable(env_, health_, path, *std::move(file), *at);
    return Status::OK();
  }

  // Rule 3.
  static Result<std::uint64_t> whole_manifest(const std::string& path, File& file) {
    ASSIGN_OR_RETURN(const LevelDbLogCheck check, check_leveldb_log(file));
    if (!check.whole)
      return Error{ErrorCode::kCorrupt, path + ": damaged at byte " +
                                            std::to_string(check.good_bytes) + " of " +
                                            std::to_string(check.file_bytes)};
    return check.file_bytes;
  }

  // Rule 2. An older log was synced before the next one got its first byte, so what is damaged in
  // it was durable once: LevelDB shall see it and refuse.
  Result<std::uint64_t> good_log(const std::string& path, File& file) {
    ASSIGN_OR_RETURN(const LevelDbLogCheck check, check_leveldb_log(file));
    if (check.good_bytes == check.file_bytes) return check.file_bytes;
    ASSIGN_OR_RETURN(const bool newest, is_newest_log(path));
    if (!newest)
      return Error{ErrorCode::kCorrupt, path + ": damaged at byte " +
                                            std::to_string(check.good_bytes) + " of " +
                                            std::to_string(check.file_bytes)};
    log::warning("index log cut", {{"file", path},
                                   {"at", check.good_bytes},
                                   {"of", check.file_bytes},
                                   {"why", "an unclean stop; the shard's log has the rest"}});
    return check.good_bytes;
  }

  // An open that was interrupted leaves newer logs that are empty.
  Result<bool> is_newest_log(const std::string& path) {
    const std::string folder = folder_of(path);
    ASSIGN_OR_RETURN(const std::vector<std::string> names, env_.list(folder));
    for (const std::string& name : names) {
      if (!is_log(name) || number_of(name) <= number_of(name_of(path))) continue;
      ASSIGN_OR_RETURN(const auto file, env_.open(folder + "/" + name, Disk::Open::kRead));
      ASSIGN_OR_RETURN(const std::uint64_t bytes, file->size());
      if (bytes > 0) return false;
    }
    return true;
  }

  Disk& env_;
  Health health_;
};

}  // namespace

std::unique_ptr<leveldb::Env> make_leveldb_env(Env& env) {
  return std::make_unique<LevelDbEnv>(env);
}

}  // namespace everpost::storage
