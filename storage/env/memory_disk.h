// The disk of a MemoryEnv: its tree of files and folders, as the process sees them and as the disk
// holds them, and the faults that are due. Files are memory_inode.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/env/memory_env.h"
#include "storage/env/memory_inode.h"

namespace everpost::storage {

struct MemoryFolder;
// A file or a folder.
using MemoryNode = std::variant<std::shared_ptr<MemoryInode>, std::shared_ptr<MemoryFolder>>;
using MemoryEntries = std::map<std::string, MemoryNode>;

// Of one folder: what went, what came, or both (a rename).
struct MemoryChange {
  std::optional<std::string> removed;
  std::optional<std::string> added;
  MemoryNode node;  // of `added`
};

struct MemoryFolder {
  MemoryEntries entries;              // as the process sees them
  MemoryEntries durable;              // as of the last sync_folder()
  std::vector<MemoryChange> changes;  // since then

  void apply(const MemoryChange& change) { apply(entries, change); }
  static void apply(MemoryEntries& to, const MemoryChange& change) {
    if (change.removed) to.erase(*change.removed);
    if (change.added) to.insert_or_assign(*change.added, change.node);
  }
  void change(MemoryChange what) {
    apply(what);
    changes.push_back(std::move(what));
  }
};

Error disk_error(ErrorCode code, std::string_view what, const std::string& path,
                 std::string_view why);
// The names in a path, without empty ones and ".".
std::vector<std::string> split_path(const std::string& path);

struct MemoryDisk {
  explicit MemoryDisk(std::uint64_t seed) : random(seed) {}

  std::mutex mutex;  // guards all that follows
  std::mt19937_64 random;
  std::shared_ptr<MemorySpace> space = std::make_shared<MemorySpace>();
  std::shared_ptr<MemoryFolder> root = std::make_shared<MemoryFolder>();
  std::uint64_t boot = 0;  // counts crashes: handles of an earlier one are dead
  std::set<std::string> locks;

  bool defer_background = false;
  std::optional<MemoryEnv::SyncFault> sync_fault;
  bool write_fault = false;
  bool refuses_direct = false;
  std::uint64_t operations = 0;
  std::uint64_t stop_at = 0;  // 0: never
  bool stopped = false;
  std::function<std::optional<Error>(const MemoryEnv::Operation&)> hook;

  using Kind = MemoryEnv::Operation::Kind;

  // Counts an operation and carries it out, unless a fault is due.
  template <class Work>
  auto operate(Kind kind, const std::string& path, Work work) -> decltype(work()) {
    std::optional<decltype(work())> dropped;  // after the mutex: a lock that goes needs it
    const std::scoped_lock lock(mutex);
    ++operations;
    if (stopped) return disk_error(ErrorCode::kIo, "use", path, "the disk has stopped");
    if (hook)
      if (auto fault = hook({operations, kind, path})) return *std::move(fault);
    if (operations != stop_at) return work();
    stopped = true;
    if (random() % 2 == 0) {
      dropped = work();
      if (!*dropped) return *std::move(dropped);
    }
    return disk_error(ErrorCode::kIo, "use", path, "the disk has stopped");
  }

  // ---- under the mutex. `what` the caller does, and to which `path`: for errors
  // The folder that the first `count` of `names` lead to.
  Result<std::shared_ptr<MemoryFolder>> folder(const std::vector<std::string>& names,
                                               std::size_t count, std::string_view what,
                                               const std::string& path);

  struct Place {
    std::shared_ptr<MemoryFolder> parent;
    std::string name;
    const MemoryNode* node = nullptr;  // null: there is nothing of that name
  };
  Result<Place> place(std::string_view what, const std::string& path);
  Result<std::shared_ptr<MemoryInode>> file(std::string_view what, const std::string& path);

  // Of all in `folder`: keeps each unsynced sector and change of a folder with probability `keep`.
  void lose_power(MemoryFolder& folder, double keep);
};

}  // namespace everpost::storage
