#include "storage/env/posix_env.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

#include "base/invariant.h"

namespace everpost::storage {
namespace {

// What one pwritev takes at most (IOV_MAX, uio_maxiov in the kernel).
constexpr std::size_t kPartsMax = 1024;

ErrorCode code_of(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case EMFILE:
    case ENFILE:
      return ErrorCode::kBusy;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

std::string text_of(int error) { return std::system_category().message(error); }

Error failed(std::string_view call, const std::string& path, int error) {
  return {code_of(error), std::string(call) + " " + path + ": " + text_of(error)};
}

Error failed(std::string_view call, const std::string& path, std::uint64_t offset,
             std::uint64_t bytes, int error) {
  return {code_of(error), std::string(call) + " " + path + " at " + std::to_string(offset) +
                              " of " + std::to_string(bytes) + " bytes: " + text_of(error)};
}

// A direct write that came to nothing. Without a free descriptor the next one may succeed; whatever
// else is wrong (EINVAL: tmpfs before Linux 6.6, say) stays so.
Error refused(Error error) {
  if (error.code != ErrorCode::kBusy) error.code = ErrorCode::kUnsupported;
  return error;
}

Error no_fallocate(Error error) {
  if (error.code == ErrorCode::kUnsupported)
    error.context += "; this file system cannot reserve space or give it back: use ext4 or XFS";
  return error;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The first page of a file, shared with it.
class Mapping {
 public:
  static constexpr std::size_t kBytes = File::kRewriteBytesMax;
  Mapping() = default;
  ~Mapping() {
    if (at_) ::munmap(at_, kBytes);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void map(int fd) {
    void* const at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) at_ = at;
  }
  void* get() const { return at_; }  // null: not mapped

 private:
  void* at_ = nullptr;
};

// Calls until it is not interrupted by a signal.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t n =
          ::pread(fd_.get(), to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        Error error = failed("read", path_, offset, to.size(), errno);
        error.code = ErrorCode::kIo;
        return error;
      }
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
    std::array<iovec, kPartsMax> vector;
    std::uint64_t at = offset;
    std::size_t skip = 0;  // bytes of the first part that an earlier call has written
    while (!parts.empty()) {
      if (skip == parts.front().size()) {
        parts = parts.subspan(1);
        skip = 0;
        continue;
      }
      const std::size_t count = std::min(parts.size(), kPartsMax);
      for (std::size_t i = 0; i < count; ++i)
        vector[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
      vector[0] = {const_cast<std::byte*>(parts[0].data()) + skip, parts[0].size() - skip};
      const ssize_t n =
          ::pwritev(fd_.get(), vector.data(), static_cast<int>(count), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return failed("write", path_, at, total(parts) - skip, n == 0 ? EIO : errno);
      at += static_cast<std::uint64_t>(n);
      for (std::size_t left = static_cast<std::size_t>(n); left > 0;) {
        const std::size_t part = std::min(left, parts.front().size() - skip);
        left -= part;
        skip += part;
        if (skip == parts.front().size()) {
          parts = parts.subspan(1);
          skip = 0;
        }
      }
    }
    return {};
  }

  Result<void> write_direct(std::uint64_t offset, Bytes bytes) override {
    INVARIANT(is_direct(offset, bytes), "direct writes are of whole blocks");
    if (!direct_) {
      // Reopened by its descriptor: the file may have been renamed since.
      const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
      const int fd = retry([&] { return ::open(self.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC); });
      if (fd < 0) return refused(failed("open O_DIRECT", path_, errno));
      direct_.emplace(fd);
    }
    for (std::size_t done = 0; done < bytes.size();) {
      const std::uint64_t at = offset + done;
      const std::size_t left = bytes.size() - done;
      const ssize_t n = retry([&] {
        return ::pwrite(direct_->get(), bytes.data() + done, left, static_cast<off_t>(at));
      });
      // Some file systems take the flag and refuse the write; so do disks with blocks above 4 KiB.
      if (n < 0 && (errno == EINVAL || errno == EOPNOTSUPP) && done == 0)
        return refused(failed("write O_DIRECT", path_, at, left, errno));
      // A part of a block is written again with the rest of it.
      const std::size_t whole =
          n < 0 ? 0 : static_cast<std::size_t>(n) / kDirectBytes * kDirectBytes;
      if (whole == 0) return failed("write O_DIRECT", path_, at, left, n < 0 ? errno : EIO);
      done += whole;
    }
    return {};
  }

  Result<void> rewrite(Bytes bytes) override {
    INVARIANT(bytes.size() <= kRewriteBytesMax, "what is rewritten is small");
    if (page_.get()) {
      std::memcpy(page_.get(), bytes.data(), bytes.size());
      return {};
    }
    // The first time by a call: it gives the file its size and its block, so that a store cannot
    // fail for want of space. Where the file system maps no files, so it goes on.
    RETURN_IF_ERROR(write(0, std::span<const Bytes>(&bytes, 1)));
    page_.map(fd_.get());
    return {};
  }

  Result<void> sync() override {
    if (retry([&] { return ::fdatasync(fd_.get()); }) != 0) {
      // Even "no space" says here that bytes accepted before are lost.
      Error error = failed("fdatasync", path_, errno);
      error.code = ErrorCode::kIo;
      return error;
    }
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status;
    if (::fstat(fd_.get(), &status) != 0) return failed("fstat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> truncate(std::uint64_t bytes) override {
    if (retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); }) != 0)
      return failed("truncate", path_, 0, bytes, errno);
    return {};
  }

  Result<void> allocate(std::uint64_t offset, std::uint64_t bytes) override {
    if (retry([&] {
          return ::fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
        }) != 0)
      return no_fallocate(failed("allocate", path_, offset, bytes, errno));
    return {};
  }

  Result<void> punch(std::uint64_t offset, std::uint64_t bytes) override {
    if (retry([&] {
          return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             static_cast<off_t>(offset), static_cast<off_t>(bytes));
        }) != 0)
      return no_fallocate(failed("punch", path_, offset, bytes, errno));
    return {};
  }

 private:
  static std::uint64_t total(std::span<const Bytes> parts) {
    std::uint64_t bytes = 0;
    for (const Bytes part : parts) bytes += part.size();
    return bytes;
  }

  const std::string path_;
  const Descriptor fd_;
  Mapping page_;                      // the first page, for rewrite()
  std::optional<Descriptor> direct_;  // the same file with O_DIRECT; of the writer's thread
};

}  // namespace

Result<std::unique_ptr<File>> PosixEnv::open(const std::string& path, Open mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Open::kRead:
      flags |= O_RDONLY;
      break;
    case Open::kWrite:
      flags |= O_RDWR;
      break;
    case Open::kCreate:
      flags |= O_RDWR | O_CREAT;
      break;
    case Open::kTruncate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  const int fd = retry([&] { return ::open(path.c_str(), flags, 0600); });
  if (fd < 0) return failed("open", path, errno);
  return std::make_unique<PosixFile>(path, fd);
}

Result<bool> PosixEnv::exists(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return failed("stat", path, errno);
}

Result<std::vector<std::string>> PosixEnv::list(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), &::closedir);
  if (!stream) return failed("list", folder, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed("list", folder, errno);
  std::ranges::sort(names);
  return names;
}

Result<void> PosixEnv::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return failed("mkdir", path, errno);
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return failed("stat", path, errno);
  if (!S_ISDIR(status.st_mode)) return failed("mkdir", path, EEXIST);
  return {};
}

Result<void> PosixEnv::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
  return {};
}

Result<void> PosixEnv::remove_folder(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return failed("rmdir", path, errno);
  return {};
}

Result<void> PosixEnv::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return failed("rename to " + to + " from", from, errno);
  return {};
}

Result<void> PosixEnv::sync_folder(const std::string& folder) {
  const Descriptor fd(
      retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (fd.get() < 0) return failed("open", folder, errno);
  if (retry([&] { return ::fsync(fd.get()); }) != 0) {
    Error error = failed("fsync", folder, errno);
    error.code = ErrorCode::kIo;
    return error;
  }
  return {};
}

Result<Env::Space> PosixEnv::space(const std::string& folder) {
  struct statvfs status;
  if (retry([&] { return ::statvfs(folder.c_str(), &status); }) != 0)
    return failed("statvfs", folder, errno);
  return Space{.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize,
               .free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize};
}

Result<std::shared_ptr<void>> PosixEnv::lock(const std::string& path) {
  auto fd = std::make_shared<Descriptor>(
      retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }));
  if (fd->get() < 0) return failed("open", path, errno);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd->get(), F_OFD_SETLK, &whole) == 0) return std::shared_ptr<void>(std::move(fd));
  if (errno == EAGAIN || errno == EACCES)
    return Error{ErrorCode::kBusy, "lock " + path + ": another process holds it"};
  return failed("lock", path, errno);
}

std::future<void> PosixEnv::in_background(std::move_only_function<void()> work) {
  // Shared, because std::async has already taken its argument when it fails to start a thread.
  const auto shared = std::make_shared<std::move_only_function<void()>>(std::move(work));
  try {
    return std::async(std::launch::async, [shared] { (*shared)(); });
  } catch (const std::system_error&) {  // no more threads: then it takes the caller's time
    (*shared)();
    std::promise<void> done;
    done.set_value();
    return done.get_future();
  }
}

}  // namespace everpost::storage
