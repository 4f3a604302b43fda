#include "storage/env/posix_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/invariant.h"
#include "storage/env/posix_call.h"

namespace everpost::storage {
namespace {

using posix::Descriptor;
using posix::failed;
using posix::retry;

// What one pwritev takes at most (IOV_MAX, uio_maxiov in the kernel).
constexpr std::size_t kPartsMax = 1024;

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

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd, bool uncached)
      : path_(std::move(path)), fd_(fd), uncached_(uncached) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    if (uncached_) return read_uncached(offset, to);
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
  // Of O_DIRECT: whole blocks, by way of a buffer that begins at a multiple of them.
  Result<std::size_t> read_uncached(std::uint64_t offset, std::span<std::byte> to) {
    constexpr std::size_t kPieceBytes = 256 << 10;
    const std::unique_ptr<std::byte, void (*)(void*)> piece(
        static_cast<std::byte*>(std::aligned_alloc(kDirectBytes, kPieceBytes)), std::free);
    if (!piece) return Error{ErrorCode::kBusy, "read " + path_ + ": no memory"};
    std::size_t done = 0;
    while (done < to.size()) {
      const std::uint64_t from = (offset + done) / kDirectBytes * kDirectBytes;
      const std::size_t skip = offset + done - from;
      const std::size_t want = std::min(
          kPieceBytes, (skip + to.size() - done + kDirectBytes - 1) / kDirectBytes * kDirectBytes);
      const ssize_t n =
          retry([&] { return ::pread(fd_.get(), piece.get(), want, static_cast<off_t>(from)); });
      if (n < 0) {
        Error error = failed("read O_DIRECT", path_, from, want, errno);
        error.code = ErrorCode::kIo;
        return error;
      }
      if (static_cast<std::size_t>(n) <= skip) break;
      const std::size_t got = std::min(static_cast<std::size_t>(n) - skip, to.size() - done);
      std::memcpy(to.data() + done, piece.get() + skip, got);
      done += got;
      if (static_cast<std::size_t>(n) < want) break;  // the end of the file
    }
    return done;
  }

  static std::uint64_t total(std::span<const Bytes> parts) {
    std::uint64_t bytes = 0;
    for (const Bytes part : parts) bytes += part.size();
    return bytes;
  }

  const std::string path_;
  const Descriptor fd_;
  const bool uncached_;
  Mapping page_;                      // the first page, for rewrite()
  std::optional<Descriptor> direct_;  // the same file with O_DIRECT; of the writer's thread
};

}  // namespace

std::unique_ptr<File> make_posix_file(std::string path, int fd, bool uncached) {
  return std::make_unique<PosixFile>(std::move(path), fd, uncached);
}

}  // namespace everpost::storage
