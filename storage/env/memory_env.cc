#include "storage/env/memory_env.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <variant>

#include "base/invariant.h"
#include "storage/env/memory_inode.h"

namespace everpost::storage {
namespace {

struct Folder;
using Node = std::variant<std::shared_ptr<MemoryInode>, std::shared_ptr<Folder>>;
using Entries = std::map<std::string, Node>;

struct Change {
  std::optional<std::string> removed;
  std::optional<std::string> added;
  Node node;  // of `added`
};

struct Folder {
  Entries entries;              // as the process sees them
  Entries durable;              // as of the last sync_folder()
  std::vector<Change> changes;  // since then

  void apply(const Change& change) { apply(entries, change); }
  static void apply(Entries& to, const Change& change) {
    if (change.removed) to.erase(*change.removed);
    if (change.added) to.insert_or_assign(*change.added, change.node);
  }
  void change(Change what) {
    apply(what);
    changes.push_back(std::move(what));
  }
};

Error error(ErrorCode code, std::string_view what, const std::string& path, std::string_view why) {
  return {code, std::string(what) + " " + path + ": " + std::string(why)};
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, slash - at);
    if (!name.empty() && name != ".") names.push_back(name);
    at = slash + 1;
  }
  return names;
}

}  // namespace

struct MemoryDisk {
  explicit MemoryDisk(std::uint64_t seed) : random(seed) {}

  std::mutex mutex;  // guards all that follows
  std::mt19937_64 random;
  std::shared_ptr<MemorySpace> space = std::make_shared<MemorySpace>();
  std::shared_ptr<Folder> root = std::make_shared<Folder>();
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
    if (stopped) return error(ErrorCode::kIo, "use", path, "the disk has stopped");
    if (hook)
      if (auto fault = hook({operations, kind, path})) return *std::move(fault);
    if (operations != stop_at) return work();
    stopped = true;
    if (random() % 2 == 0) {
      dropped = work();
      if (!*dropped) return *std::move(dropped);
    }
    return error(ErrorCode::kIo, "use", path, "the disk has stopped");
  }

  Result<std::shared_ptr<Folder>> folder(const std::vector<std::string>& names, std::size_t count,
                                         std::string_view what, const std::string& path) {
    std::shared_ptr<Folder> at = root;
    for (std::size_t i = 0; i < count; ++i) {
      const auto entry = at->entries.find(names[i]);
      if (entry == at->entries.end())
        return error(ErrorCode::kNotFound, what, path, "no such file or folder");
      const auto* inner = std::get_if<std::shared_ptr<Folder>>(&entry->second);
      if (!inner) return error(ErrorCode::kIo, what, path, "not a folder");
      at = *inner;
    }
    return at;
  }

  struct Place {
    std::shared_ptr<Folder> parent;
    std::string name;
    const Node* node = nullptr;  // null: there is nothing of that name
  };
  Result<Place> place(std::string_view what, const std::string& path) {
    const auto names = split(path);
    if (names.empty()) return error(ErrorCode::kIo, what, path, "is the root folder");
    ASSIGN_OR_RETURN(auto parent, folder(names, names.size() - 1, what, path));
    const auto entry = parent->entries.find(names.back());
    const Node* node = entry == parent->entries.end() ? nullptr : &entry->second;
    return Place{std::move(parent), names.back(), node};
  }
  Result<std::shared_ptr<MemoryInode>> file(std::string_view what, const std::string& path) {
    ASSIGN_OR_RETURN(const Place at, place(what, path));
    if (!at.node) return error(ErrorCode::kNotFound, what, path, "no such file");
    const auto* inode = std::get_if<std::shared_ptr<MemoryInode>>(at.node);
    if (!inode) return error(ErrorCode::kIo, what, path, "is a folder");
    return *inode;
  }

  void lose_power(Folder& folder, double keep) {
    Entries left = folder.durable;
    for (const Change& change : folder.changes)
      if (static_cast<double>(random() >> 11) * 0x1p-53 < keep) Folder::apply(left, change);
    folder.entries = left;
    folder.durable = std::move(left);
    folder.changes.clear();
    for (const auto& [name, node] : folder.entries) {
      if (const auto* inode = std::get_if<std::shared_ptr<MemoryInode>>(&node))
        (*inode)->lose_power(random, keep);
      else
        lose_power(*std::get<std::shared_ptr<Folder>>(node), keep);
    }
  }
};

namespace {

using Kind = MemoryEnv::Operation::Kind;

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<MemoryDisk> disk, std::shared_ptr<MemoryInode> inode, std::string path,
             bool writable)
      : disk_(std::move(disk)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        boot_(disk_->boot),
        writable_(writable) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    return disk_->operate(Kind::kRead, path_, [&]() -> Result<std::size_t> {
      RETURN_IF_ERROR(usable("read", false));
      if (inode_->read_fails(offset, to.size()))
        return error(ErrorCode::kIo, "read", path_, "the medium has an error");
      return inode_->read(offset, to);
    });
  }

  Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
    return disk_->operate(Kind::kWrite, path_, [&] { return write_parts(offset, parts); });
  }

  Result<void> write_direct(std::uint64_t offset, Bytes bytes) override {
    INVARIANT(is_direct(offset, bytes), "direct writes are of whole blocks");
    return disk_->operate(Kind::kWriteDirect, path_, [&]() -> Result<void> {
      if (disk_->refuses_direct)
        return error(ErrorCode::kUnsupported, "write directly to", path_, "not on this disk");
      INVARIANT(!inode_->unsynced(offset, bytes.size()),
                "direct writes keep apart from what the page cache has to write");
      return write_parts(offset, std::span<const Bytes>(&bytes, 1));
    });
  }

  Result<void> rewrite(Bytes bytes) override {
    INVARIANT(bytes.size() <= kRewriteBytesMax, "what is rewritten is small");
    return disk_->operate(Kind::kWrite, path_,
                          [&] { return write_parts(0, std::span<const Bytes>(&bytes, 1)); });
  }

  Result<void> sync() override {
    return disk_->operate(Kind::kSync, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("sync", true));
      const auto fault = std::exchange(disk_->sync_fault, std::nullopt);
      if (!fault) {
        inode_->sync();
        return {};
      }
      if (*fault == MemoryEnv::SyncFault::kKeeps)
        inode_->sync_fails_and_keeps();
      else
        inode_->sync_fails_and_reverts();
      return error(ErrorCode::kIo, "sync", path_, "the medium has an error");
    });
  }

  Result<std::uint64_t> size() override {
    return disk_->operate(Kind::kQuery, path_, [&]() -> Result<std::uint64_t> {
      RETURN_IF_ERROR(usable("size of", false));
      return inode_->size();
    });
  }

  Result<void> truncate(std::uint64_t bytes) override {
    return disk_->operate(Kind::kTruncate, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("truncate", true));
      inode_->truncate(bytes);
      return {};
    });
  }

  Result<void> allocate(std::uint64_t offset, std::uint64_t bytes) override {
    return disk_->operate(Kind::kAllocate, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("allocate", true));
      if (!inode_->allocate(offset, bytes))
        return error(ErrorCode::kNoSpace, "allocate", path_, "no space left");
      return {};
    });
  }

  Result<void> punch(std::uint64_t offset, std::uint64_t bytes) override {
    return disk_->operate(Kind::kPunch, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("punch", true));
      inode_->punch(offset, bytes);
      return {};
    });
  }

 private:
  Result<void> write_parts(std::uint64_t offset, std::span<const Bytes> parts) {
    RETURN_IF_ERROR(usable("write", true));
    std::uint64_t left = 0;
    for (const Bytes part : parts) left += part.size();
    const bool fails = std::exchange(disk_->write_fault, false);
    if (fails) left = left == 0 ? 0 : disk_->random() % left;
    for (const Bytes part : parts) {
      const std::size_t bytes = std::min<std::uint64_t>(part.size(), left);
      if (inode_->write(offset, part.first(bytes)) < bytes)
        return error(ErrorCode::kNoSpace, "write", path_, "no space left");
      offset += bytes;
      left -= bytes;
    }
    if (fails) return error(ErrorCode::kIo, "write", path_, "the medium has an error");
    return {};
  }

  Result<void> usable(std::string_view what, bool to_write) const {
    if (boot_ != disk_->boot)
      return error(ErrorCode::kIo, what, path_, "the handle is from before a crash");
    if (to_write && !writable_) return error(ErrorCode::kIo, what, path_, "opened for reading");
    return {};
  }

  const std::shared_ptr<MemoryDisk> disk_;
  const std::shared_ptr<MemoryInode> inode_;
  const std::string path_;
  const std::uint64_t boot_;
  const bool writable_;
};

}  // namespace

MemoryEnv::MemoryEnv(std::uint64_t seed) : disk_(std::make_shared<MemoryDisk>(seed)) {}
MemoryEnv::~MemoryEnv() = default;

Result<std::unique_ptr<File>> MemoryEnv::open(const std::string& path, Open mode) {
  return disk_->operate(Kind::kOpen, path, [&]() -> Result<std::unique_ptr<File>> {
    ASSIGN_OR_RETURN(const auto at, disk_->place("open", path));
    std::shared_ptr<MemoryInode> inode;
    if (at.node) {
      const auto* found = std::get_if<std::shared_ptr<MemoryInode>>(at.node);
      if (!found) return error(ErrorCode::kIo, "open", path, "is a folder");
      inode = *found;
      if (mode == Open::kTruncate) inode->truncate(0);
    } else {
      if (mode == Open::kRead || mode == Open::kWrite)
        return error(ErrorCode::kNotFound, "open", path, "no such file");
      inode = std::make_shared<MemoryInode>(disk_->space);
      at.parent->change({.removed = {}, .added = at.name, .node = inode});
    }
    return std::make_unique<MemoryFile>(disk_, std::move(inode), path, mode != Open::kRead);
  });
}

Result<bool> MemoryEnv::exists(const std::string& path) {
  return disk_->operate(Kind::kQuery, path, [&]() -> Result<bool> {
    if (split(path).empty()) return true;
    const auto at = disk_->place("look for", path);
    if (!at) return false;
    return at->node != nullptr;
  });
}

Result<std::vector<std::string>> MemoryEnv::list(const std::string& folder) {
  return disk_->operate(Kind::kQuery, folder, [&]() -> Result<std::vector<std::string>> {
    const auto names = split(folder);
    ASSIGN_OR_RETURN(const auto at, disk_->folder(names, names.size(), "list", folder));
    std::vector<std::string> found;
    for (const auto& [name, node] : at->entries) found.push_back(name);
    return found;
  });
}

Result<void> MemoryEnv::make_folder(const std::string& path) {
  return disk_->operate(Kind::kFolder, path, [&]() -> Result<void> {
    if (split(path).empty()) return {};
    ASSIGN_OR_RETURN(const auto at, disk_->place("mkdir", path));
    if (!at.node) {
      at.parent->change({.removed = {}, .added = at.name, .node = std::make_shared<Folder>()});
    } else if (!std::holds_alternative<std::shared_ptr<Folder>>(*at.node)) {
      return error(ErrorCode::kAlreadyExists, "mkdir", path, "is a file");
    }
    return {};
  });
}

Result<void> MemoryEnv::remove(const std::string& path) {
  return disk_->operate(Kind::kFolder, path, [&]() -> Result<void> {
    RETURN_IF_ERROR(disk_->file("remove", path));
    ASSIGN_OR_RETURN(const auto at, disk_->place("remove", path));
    at.parent->change({.removed = at.name, .added = {}, .node = {}});
    return {};
  });
}

Result<void> MemoryEnv::remove_folder(const std::string& path) {
  return disk_->operate(Kind::kFolder, path, [&]() -> Result<void> {
    const auto names = split(path);
    ASSIGN_OR_RETURN(const auto folder, disk_->folder(names, names.size(), "rmdir", path));
    ASSIGN_OR_RETURN(const auto at, disk_->place("rmdir", path));
    if (!folder->entries.empty()) return error(ErrorCode::kIo, "rmdir", path, "not empty");
    at.parent->change({.removed = at.name, .added = {}, .node = {}});
    return {};
  });
}

Result<void> MemoryEnv::rename(const std::string& from, const std::string& to) {
  return disk_->operate(Kind::kFolder, from, [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto source, disk_->place("rename", from));
    ASSIGN_OR_RETURN(const auto target, disk_->place("rename", to));
    if (!source.node) return error(ErrorCode::kNotFound, "rename", from, "no such file or folder");
    if (target.node && target.node->index() != source.node->index())
      return error(ErrorCode::kIo, "rename", from, "cannot replace " + to);
    const Node node = *source.node;
    if (source.parent == target.parent) {
      source.parent->change({.removed = source.name, .added = target.name, .node = node});
    } else {
      source.parent->change({.removed = source.name, .added = {}, .node = {}});
      target.parent->change({.removed = {}, .added = target.name, .node = node});
    }
    return {};
  });
}

Result<void> MemoryEnv::sync_folder(const std::string& folder) {
  return disk_->operate(Kind::kFolder, folder, [&]() -> Result<void> {
    const auto names = split(folder);
    ASSIGN_OR_RETURN(const auto at, disk_->folder(names, names.size(), "sync", folder));
    at->durable = at->entries;
    at->changes.clear();
    return {};
  });
}

Result<Env::Space> MemoryEnv::space(const std::string& folder) {
  return disk_->operate(Kind::kQuery, folder, [&]() -> Result<Space> {
    const std::uint64_t total = disk_->space->pages_max;
    const std::uint64_t used = disk_->space->pages;
    return Space{.total_bytes = total * MemoryInode::kPageBytes,
                 .free_bytes = (total - std::min(used, total)) * MemoryInode::kPageBytes};
  });
}

Result<std::shared_ptr<void>> MemoryEnv::lock(const std::string& path) {
  return disk_->operate(Kind::kOpen, path, [&]() -> Result<std::shared_ptr<void>> {
    ASSIGN_OR_RETURN(const auto at, disk_->place("lock", path));
    if (!at.node)
      at.parent->change(
          {.removed = {}, .added = at.name, .node = std::make_shared<MemoryInode>(disk_->space)});
    if (!disk_->locks.insert(path).second)
      return error(ErrorCode::kBusy, "lock", path, "another process holds it");
    const auto release = [disk = disk_, path, boot = disk_->boot](void*) {
      const std::scoped_lock lock(disk->mutex);
      if (disk->boot == boot) disk->locks.erase(path);
    };
    return std::shared_ptr<void>(this, release);
  });
}

std::future<void> MemoryEnv::in_background(std::move_only_function<void()> work) {
  bool defer = false;
  {
    const std::scoped_lock lock(disk_->mutex);
    defer = disk_->defer_background;
  }
  if (defer) return std::async(std::launch::deferred, std::move(work));
  work();
  std::promise<void> done;
  done.set_value();
  return done.get_future();
}

void MemoryEnv::defer_background(bool defer) {
  const std::scoped_lock lock(disk_->mutex);
  disk_->defer_background = defer;
}

void MemoryEnv::crash(Crash kind, double keep) {
  const std::scoped_lock lock(disk_->mutex);
  ++disk_->boot;
  disk_->locks.clear();
  disk_->stopped = false;
  disk_->stop_at = 0;
  disk_->sync_fault.reset();
  disk_->write_fault = false;
  if (kind == Crash::kPower) disk_->lose_power(*disk_->root, keep);
}

void MemoryEnv::fail_next_sync(SyncFault fault) {
  const std::scoped_lock lock(disk_->mutex);
  disk_->sync_fault = fault;
}

void MemoryEnv::fail_next_write() {
  const std::scoped_lock lock(disk_->mutex);
  disk_->write_fault = true;
}

void MemoryEnv::refuse_direct() {
  const std::scoped_lock lock(disk_->mutex);
  disk_->refuses_direct = true;
}

void MemoryEnv::set_space(std::uint64_t total_bytes) {
  const std::scoped_lock lock(disk_->mutex);
  disk_->space->pages_max = total_bytes / MemoryInode::kPageBytes;
}

void MemoryEnv::flip_bit(const std::string& path, std::uint64_t offset, unsigned bit) {
  const std::scoped_lock lock(disk_->mutex);
  if (const auto inode = disk_->file("flip a bit of", path)) (*inode)->flip_bit(offset, bit);
}

void MemoryEnv::fail_reads(const std::string& path, std::uint64_t offset, std::uint64_t bytes) {
  const std::scoped_lock lock(disk_->mutex);
  if (const auto inode = disk_->file("damage", path)) (*inode)->fail_reads(offset, bytes);
}

std::uint64_t MemoryEnv::operations() const {
  const std::scoped_lock lock(disk_->mutex);
  return disk_->operations;
}

void MemoryEnv::stop_at(std::uint64_t operation) {
  const std::scoped_lock lock(disk_->mutex);
  disk_->stop_at = operation;
}

void MemoryEnv::set_hook(std::function<std::optional<Error>(const Operation&)> hook) {
  const std::scoped_lock lock(disk_->mutex);
  disk_->hook = std::move(hook);
}

}  // namespace everpost::storage
