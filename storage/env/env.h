// The files of one machine, as storage sees them: everything that storage/ reads or writes goes
// through an Env, so that tests and the simulator can put a disk of their own below it.
//
//   PosixEnv   (posix_env.h)   the operating system
//   MemoryEnv  (memory_env.h)  files in memory, with the faults of a real disk: unsynced bytes
//                              lost by sector, torn writes, failed fdatasync, bit flips, no space
//
// Files are thread-safe for reads; one writer at a time. All calls block.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace everpost::storage {

class File {
 public:
  virtual ~File() = default;  // closes, without a sync

  // Fills `to` from `offset`; fewer bytes only at the end of the file. Errors: kIo.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) = 0;
  // Writes all parts one after the other from `offset` on (pwritev). Errors: kNoSpace, kIo.
  virtual Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) = 0;
  // Like write(), but past the page cache (O_DIRECT): large amounts that are not read again soon
  // cost neither a copy nor fresh pages. It needs a sync() as well. No block that write() has
  // changed since the last sync() may be among these: the caller keeps the two apart.
  //   offset, bytes   multiples of kDirectBytes, in memory as well
  // Errors: kUnsupported (the file system has no such writes) and kBusy (no descriptor for them
  // just now): nothing was written, write() will do; kNoSpace, kIo.
  static constexpr std::size_t kDirectBytes = 4096;
  virtual Result<void> write_direct(std::uint64_t offset, Bytes bytes) = 0;
  // Writes the first bytes of the file, of which there are few, and which are written again and
  // again: mostly without a call of the kernel (a mapping). A death of the process in the middle of
  // it may leave a part of the old bytes. Always of the same size, at most kRewriteBytesMax; the
  // file is nothing else and is not truncated. Errors: kNoSpace, kIo.
  static constexpr std::size_t kRewriteBytesMax = 4096;
  virtual Result<void> rewrite(Bytes bytes) = 0;
  // The bytes written before are on stable storage (fdatasync). Errors: kIo, after which nobody
  // knows what is on the disk: never call it again (docs/architecture.md, "a failed fdatasync").
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t bytes) = 0;
  // Reserves [offset, offset+bytes) so that writes there cannot fail for want of space (fallocate).
  virtual Result<void> allocate(std::uint64_t offset, std::uint64_t bytes) = 0;
  // Gives the whole blocks within [offset, offset+bytes) back; they read as zero afterwards.
  virtual Result<void> punch(std::uint64_t offset, std::uint64_t bytes) = 0;

  Result<void> write(std::uint64_t offset, Bytes bytes) {
    return write(offset, std::span<const Bytes>(&bytes, 1));
  }

 protected:
  static bool is_direct(std::uint64_t offset, Bytes bytes) {
    return offset % kDirectBytes == 0 && bytes.size() % kDirectBytes == 0 &&
           reinterpret_cast<std::uintptr_t>(bytes.data()) % kDirectBytes == 0;
  }
};

class Env {
 public:
  enum class Open {
    kRead,  // must exist
    // Like kRead, past the page cache where the file system can do so: what is read once, to check
    // it, comes from the disk, and pushes out nothing that is read often.
    kReadUncached,
    kWrite,     // must exist, reads and writes
    kCreate,    // created if missing, kept if there
    kTruncate,  // created if missing, emptied if there
  };
  struct Space {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;  // for an ordinary user
  };

  virtual ~Env() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open mode) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;  // names, sorted
  // Kept if it is there; its parent must exist.
  virtual Result<void> make_folder(const std::string& path) = 0;
  virtual Result<void> remove(const std::string& path) = 0;         // a file
  virtual Result<void> remove_folder(const std::string& path) = 0;  // empty
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  // Makes creations, renames and removals in `folder` durable (fsync of the directory).
  virtual Result<void> sync_folder(const std::string& folder) = 0;
  virtual Result<Space> space(const std::string& folder) = 0;
  // One process at a time: holds until the handle is destroyed. Errors: kBusy if another has it.
  virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;

  // Runs `work` (which may block and must not throw) beside the caller; the future is ready when it
  // has returned, and has to be waited for. MemoryEnv has no threads, so that a simulation can be
  // replayed: there it runs within this call, or within the wait.
  virtual std::future<void> in_background(std::move_only_function<void()> work) = 0;
};

// "a/b" of "a/b/c", "." of "c", "/" of "/c".
std::string parent_folder(const std::string& path);
// Replaces `path` atomically: writes a temporary file, syncs it, renames it, syncs the folder.
Result<void> write_file_atomically(Env& env, const std::string& path, Bytes contents);
// The whole file; errors: kNotFound, kTooLarge above `bytes_max`.
Result<std::string> read_file(Env& env, const std::string& path, std::uint64_t bytes_max);

}  // namespace everpost::storage
