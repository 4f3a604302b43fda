#include "storage/index/leveldb_files.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace everpost::storage::leveldb_files {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;  // as LevelDB's own
constexpr std::string_view kManifest = "MANIFEST-";

Bytes bytes_of(const Slice& slice) { return as_bytes({slice.data(), slice.size()}); }
std::span<std::byte> room(char* to, std::size_t bytes) {
  return {reinterpret_cast<std::byte*>(to), bytes};
}

std::uint64_t number_of(std::string_view name) {
  std::uint64_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}
std::uint64_t manifest_number(const std::string& path) {
  return number_of(name_of(path).substr(kManifest.size()));
}

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
  Writable(Disk& env, Health& health, ManifestHint& manifest, std::string path,
           std::unique_ptr<File> file, std::uint64_t at)
      : env_(env),
        health_(health),
        manifest_(manifest),
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
    if (is_manifest(path_)) manifest_.note(path_, synced_);
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

  Disk& env_;
  Health& health_;
  ManifestHint& manifest_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t at_;          // where the next write goes
  std::uint64_t synced_ = 0;  // durable up to here
  bool in_folder_ = false;    // its name is on stable storage
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffered_ = 0;
};

}  // namespace

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

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}
std::string_view name_of(const std::string& path) {
  return std::string_view(path).substr(path.rfind('/') + 1);
}
bool is_manifest(const std::string& path) { return name_of(path).starts_with(kManifest); }
bool is_log(std::string_view name) { return name.ends_with(".log"); }
std::uint64_t log_number(std::string_view name) { return number_of(name); }

void ManifestHint::note(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  folder_ = folder_of(path);
  synced_ = {manifest_number(path), bytes};
}

Result<void> ManifestHint::make_durable() {
  const std::lock_guard lock(mutex_);
  if (synced_ == durable_) return {};
  if (!file_) {
    ASSIGN_OR_RETURN(file_, HintFile::open(env_, folder_ + "/SYNCED"));
    RETURN_IF_ERROR(env_.sync_folder(folder_));
  }
  RETURN_IF_ERROR(file_->write(synced_));
  RETURN_IF_ERROR(file_->sync());
  durable_ = synced_;
  return {};
}

Result<std::uint64_t> ManifestHint::bound(const std::string& path) const {
  const std::string hint = folder_of(path) + "/SYNCED";
  ASSIGN_OR_RETURN(const bool exists, env_.exists(hint));
  if (!exists) return 0;  // nothing was removed yet
  ASSIGN_OR_RETURN(const auto file, HintFile::open(env_, hint));
  if (file->damaged()) return UINT64_MAX;
  return file->found().first == manifest_number(path) ? file->found().second : 0;
}

std::unique_ptr<leveldb::SequentialFile> sequential(std::unique_ptr<File> file, std::uint64_t end) {
  return std::make_unique<Sequential>(std::move(file), end);
}
std::unique_ptr<leveldb::RandomAccessFile> random_access(std::unique_ptr<File> file) {
  return std::make_unique<RandomAccess>(std::move(file));
}
std::unique_ptr<leveldb::WritableFile> writable(Disk& env, Health& health, ManifestHint& manifest,
                                                std::string path, std::unique_ptr<File> file,
                                                std::uint64_t at) {
  return std::make_unique<Writable>(env, health, manifest, std::move(path), std::move(file), at);
}

}  // namespace everpost::storage::leveldb_files
