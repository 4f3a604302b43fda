// Files in memory that behave like those on a disk: what was not synced may be lost, and whatever
// a disk does wrong can be asked for. For tests and the simulator: the same seed and the same calls
// give the same results. Thread-safe, without threads of its own.
//
// The model:
//   - A file is what the process sees (the page cache) and what the disk holds. sync() makes both
//     equal. A power loss keeps each unsynced sector of 512 bytes or not, independently; a sector
//     itself is never torn. The size of a file that grew or shrank may end anywhere between.
//   - A direct write reaches the disk no sooner: the disk has a cache of its own. One of blocks
//   that
//     write() has changed since the last sync() ends the process: a test has found a caller that
//     does not keep the two apart.
//   - Creations, renames and removals are durable after sync_folder(). A power loss keeps each of
//     them or not, independently; a rename within a folder happens as a whole or not at all.
//   - A crash of the process alone loses nothing of either. Both kinds of crash release locks and
//   make
//     open handles useless (kIo).
//
// Paths are relative to one root folder, which is there from the start; "a/b" and "/a/b" are the
// same.
#pragma once

#include <memory>
#include <optional>

#include "storage/env/env.h"

namespace everpost::storage {

struct MemoryDisk;

class MemoryEnv final : public Env {
 public:
  explicit MemoryEnv(std::uint64_t seed = 1);
  ~MemoryEnv() override;

  Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_folder(const std::string& folder) override;
  Result<Space> space(const std::string& folder) override;
  Result<std::shared_ptr<void>> lock(const std::string& path) override;
  std::future<void> in_background(std::move_only_function<void()> work) override;

  // Whether work in the background runs when it is waited for, or (at first) at once.
  void defer_background(bool defer);

  // ---- crashes
  enum class Crash { kProcess, kPower };
  //   keep   the probability with which a power loss keeps an unsynced sector or change of a folder
  void crash(Crash kind, double keep = 0.5);

  // ---- the disk's faults
  enum class SyncFault {
    kKeeps,    // as ext4: the pages count as clean afterwards and are readable, but not on the disk
    kReverts,  // as btrfs: what was not synced is gone at once
  };
  void fail_next_sync(SyncFault fault);  // of a file; kIo
  void fail_next_write();                // some first part of the bytes is written, then kIo
  void refuse_direct();                  // write_direct() fails with kUnsupported from now on
  void set_space(std::uint64_t total_bytes);
  // Rot: in the page cache and on the disk. The byte must exist.
  void flip_bit(const std::string& path, std::uint64_t offset, unsigned bit);
  // Reads that touch this part of the file fail with kIo, until it is written again.
  void fail_reads(const std::string& path, std::uint64_t offset, std::uint64_t bytes);

  // ---- stopping at a given operation
  // Every call of Env and File that touches the disk counts as one operation.
  struct Operation {
    enum class Kind {
      kOpen,
      kRead,
      kWrite,
      kWriteDirect,
      kSync,
      kTruncate,
      kAllocate,
      kPunch,
      kFolder,
      kQuery
    };
    std::uint64_t number = 0;  // from 1 on
    Kind kind{};
    std::string path;
  };
  std::uint64_t operations() const;
  // From the n-th operation on everything fails with kIo, until a crash: the moment at which the
  // machine died. That operation itself is carried out or not, by the seed.
  void stop_at(std::uint64_t operation);
  // Called before each operation (not reentrant); an error from it is the operation's outcome.
  void set_hook(std::function<std::optional<Error>(const Operation&)> hook);

 private:
  const std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace everpost::storage
