#include "storage/env/memory_disk.h"

#include <algorithm>

namespace everpost::storage {

Error disk_error(ErrorCode code, std::string_view what, const std::string& path,
                 std::string_view why) {
  return {code, std::string(what) + " " + path + ": " + std::string(why)};
}

std::vector<std::string> split_path(const std::string& path) {
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

Result<std::shared_ptr<MemoryFolder>> MemoryDisk::folder(const std::vector<std::string>& names,
                                                         std::size_t count, std::string_view what,
                                                         const std::string& path) {
  std::shared_ptr<MemoryFolder> at = root;
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = at->entries.find(names[i]);
    if (entry == at->entries.end())
      return disk_error(ErrorCode::kNotFound, what, path, "no such file or folder");
    const auto* inner = std::get_if<std::shared_ptr<MemoryFolder>>(&entry->second);
    if (!inner) return disk_error(ErrorCode::kIo, what, path, "not a folder");
    at = *inner;
  }
  return at;
}

Result<MemoryDisk::Place> MemoryDisk::place(std::string_view what, const std::string& path) {
  const auto names = split_path(path);
  if (names.empty()) return disk_error(ErrorCode::kIo, what, path, "is the root folder");
  ASSIGN_OR_RETURN(auto parent, folder(names, names.size() - 1, what, path));
  const auto entry = parent->entries.find(names.back());
  const MemoryNode* node = entry == parent->entries.end() ? nullptr : &entry->second;
  return Place{std::move(parent), names.back(), node};
}

Result<std::shared_ptr<MemoryInode>> MemoryDisk::file(std::string_view what,
                                                      const std::string& path) {
  ASSIGN_OR_RETURN(const Place at, place(what, path));
  if (!at.node) return disk_error(ErrorCode::kNotFound, what, path, "no such file");
  const auto* inode = std::get_if<std::shared_ptr<MemoryInode>>(at.node);
  if (!inode) return disk_error(ErrorCode::kIo, what, path, "is a folder");
  return *inode;
}

void MemoryDisk::lose_power(MemoryFolder& folder, double keep) {
  MemoryEntries left = folder.durable;
  for (const MemoryChange& change : folder.changes)
    if (static_cast<double>(random() >> 11) * 0x1p-53 < keep) MemoryFolder::apply(left, change);
  folder.entries = left;
  folder.durable = std::move(left);
  folder.changes.clear();
  for (const auto& [name, node] : folder.entries) {
    if (const auto* inode = std::get_if<std::shared_ptr<MemoryInode>>(&node))
      (*inode)->lose_power(random, keep);
    else
      lose_power(*std::get<std::shared_ptr<MemoryFolder>>(node), keep);
  }
}

}  // namespace everpost::storage
