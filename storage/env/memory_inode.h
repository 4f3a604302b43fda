// One file of a MemoryEnv: what the process sees, and by how much the disk differs from it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace everpost::storage {

// Pages in use on one disk, and the bound on them.
struct MemorySpace {
  std::uint64_t pages_max = std::uint64_t{1} << 40;
  std::atomic<std::uint64_t> pages = 0;  // a removed file gives its back with its last handle
};

class MemoryInode {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kSectorBytes = 512;

  explicit MemoryInode(std::shared_ptr<MemorySpace> space) : space_(std::move(space)) {}
  ~MemoryInode() { space_->pages -= pages_.size(); }
  MemoryInode(const MemoryInode&) = delete;
  MemoryInode& operator=(const MemoryInode&) = delete;

  std::uint64_t size() const { return size_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const;
  // Writes as much as there is space for; returns how much that was.
  std::size_t write(std::uint64_t offset, Bytes bytes);
  bool allocate(std::uint64_t offset, std::uint64_t bytes);  // false: not enough space
  void truncate(std::uint64_t bytes);
  void punch(std::uint64_t offset, std::uint64_t bytes);

  // Whether write() has changed any page of this since the last sync.
  bool unsynced(std::uint64_t offset, std::uint64_t bytes) const;
  void sync();
  void sync_fails_and_keeps();
  void sync_fails_and_reverts();
  void lose_power(std::mt19937_64& random, double keep);

  void flip_bit(std::uint64_t offset, unsigned bit);
  void fail_reads(std::uint64_t offset, std::uint64_t bytes);
  bool read_fails(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  using Page = std::array<std::byte, kPageBytes>;
  using PagePtr = std::unique_ptr<Page>;  // null: all zero
  using Sectors = std::uint8_t;           // one bit for each sector of a page

  // A page of which the disk holds something else than the process sees.
  struct Behind {
    PagePtr disk;         // what the disk holds
    Sectors written = 0;  // to be written to the disk by the next sync
    Sectors freed = 0;    // by truncate or punch: metadata, which a file system applies as a whole
    Sectors lost = 0;     // a failed sync dropped them: no later sync will write them
  };

  static PagePtr copy(const PagePtr& page) {
    return page ? std::make_unique<Page>(*page) : nullptr;
  }
  Behind& behind(std::uint64_t index);
  void free_range(std::uint64_t from, std::uint64_t to);
  void restore(std::uint64_t index, const Behind& from, Sectors sectors);

  const std::shared_ptr<MemorySpace> space_;
  std::map<std::uint64_t, PagePtr> pages_;  // allocated ones
  std::map<std::uint64_t, Behind> behind_;
  std::uint64_t size_ = 0;
  std::uint64_t disk_size_ = 0;      // as of the last sync
  std::uint64_t smallest_size_ = 0;  // since then
  bool size_lost_ = false;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> bad_;  // [from, to) cannot be read
};

}  // namespace everpost::storage
