#include "storage/env/memory_env.h"

#include <algorithm>

#include "storage/env/memory_disk.h"
#include "storage/env/memory_file.h"

namespace everpost::storage {
namespace {

using Kind = MemoryEnv::Operation::Kind;

}  // namespace

MemoryEnv::MemoryEnv(std::uint64_t seed) : disk_(std::make_shared<MemoryDisk>(seed)) {}
MemoryEnv::~MemoryEnv() = default;

Result<std::unique_ptr<File>> MemoryEnv::open(const std::string& path, Open mode) {
  return disk_->operate(Kind::kOpen, path, [&]() -> Result<std::unique_ptr<File>> {
    ASSIGN_OR_RETURN(const auto at, disk_->place("open", path));
    std::shared_ptr<MemoryInode> inode;
    if (at.node) {
      const auto* found = std::get_if<std::shared_ptr<MemoryInode>>(at.node);
      if (!found) return disk_error(ErrorCode::kIo, "open", path, "is a folder");
      inode = *found;
      if (mode == Open::kTruncate) inode->truncate(0);
    } else {
      if (mode == Open::kRead || mode == Open::kReadUncached || mode == Open::kWrite)
        return disk_error(ErrorCode::kNotFound, "open", path, "no such file");
      inode = std::make_shared<MemoryInode>(disk_->space);
      at.parent->change({.removed = {}, .added = at.name, .node = inode});
    }
    return make_memory_file(disk_, std::move(inode), path,
                            mode != Open::kRead && mode != Open::kReadUncached);
  });
}

Result<bool> MemoryEnv::exists(const std::string& path) {
  return disk_->operate(Kind::kQuery, path, [&]() -> Result<bool> {
    if (split_path(path).empty()) return true;
    const auto at = disk_->place("look for", path);
    if (!at) return false;
    return at->node != nullptr;
  });
}

Result<std::vector<std::string>> MemoryEnv::list(const std::string& folder) {
  return disk_->operate(Kind::kQuery, folder, [&]() -> Result<std::vector<std::string>> {
    const auto names = split_path(folder);
    ASSIGN_OR_RETURN(const auto at, disk_->folder(names, names.size(), "list", folder));
    std::vector<std::string> found;
    for (const auto& [name, node] : at->entries) found.push_back(name);
    return found;
  });
}

Result<void> MemoryEnv::make_folder(const std::string& path) {
  return disk_->operate(Kind::kFolder, path, [&]() -> Result<void> {
    if (split_path(path).empty()) return {};
    ASSIGN_OR_RETURN(const auto at, disk_->place("mkdir", path));
    if (!at.node) {
      at.parent->change(
          {.removed = {}, .added = at.name, .node = std::make_shared<MemoryFolder>()});
    } else if (!std::holds_alternative<std::shared_ptr<MemoryFolder>>(*at.node)) {
      return disk_error(ErrorCode::kAlreadyExists, "mkdir", path, "is a file");
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
    const auto names = split_path(path);
    ASSIGN_OR_RETURN(const auto folder, disk_->folder(names, names.size(), "rmdir", path));
    ASSIGN_OR_RETURN(const auto at, disk_->place("rmdir", path));
    if (!folder->entries.empty()) return disk_error(ErrorCode::kIo, "rmdir", path, "not empty");
    at.parent->change({.removed = at.name, .added = {}, .node = {}});
    return {};
  });
}

Result<void> MemoryEnv::rename(const std::string& from, const std::string& to) {
  return disk_->operate(Kind::kFolder, from, [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto source, disk_->place("rename", from));
    ASSIGN_OR_RETURN(const auto target, disk_->place("rename", to));
    if (!source.node)
      return disk_error(ErrorCode::kNotFound, "rename", from, "no such file or folder");
    if (target.node && target.node->index() != source.node->index())
      return disk_error(ErrorCode::kIo, "rename", from, "cannot replace " + to);
    const MemoryNode node = *source.node;
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
    const auto names = split_path(folder);
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
      return disk_error(ErrorCode::kBusy, "lock", path, "another process holds it");
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
