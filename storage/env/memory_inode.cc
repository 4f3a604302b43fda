#include "storage/env/memory_inode.h"

#include <algorithm>
#include <cstring>

namespace everpost::storage {
namespace {

constexpr std::uint64_t kPage = MemoryInode::kPageBytes;
constexpr std::uint64_t kSector = MemoryInode::kSectorBytes;

// The sectors of a page that [from, to) (within the page) touches.
std::uint8_t sectors_of(std::uint64_t from, std::uint64_t to) {
  std::uint8_t sectors = 0;
  for (std::uint64_t s = from / kSector; s * kSector < to; ++s)
    sectors = static_cast<std::uint8_t>(sectors | (1u << s));
  return sectors;
}

// Calls visit(page, first byte in it, end in it) for each page that [from, to) touches.
template <class Visit>
void for_pages(std::uint64_t from, std::uint64_t to, Visit visit) {
  while (from < to) {
    const std::uint64_t page = from / kPage;
    const std::uint64_t end = std::min(to, (page + 1) * kPage);
    if (!visit(page, from - page * kPage, end - page * kPage)) return;
    from = end;
  }
}

bool chance(std::mt19937_64& random, double probability) {
  return static_cast<double>(random() >> 11) * 0x1p-53 < probability;
}

}  // namespace

std::size_t MemoryInode::read(std::uint64_t offset, std::span<std::byte> to) const {
  if (offset >= size_) return 0;
  const std::size_t bytes = std::min<std::uint64_t>(to.size(), size_ - offset);
  std::byte* out = to.data();
  for_pages(offset, offset + bytes,
            [&](std::uint64_t index, std::uint64_t from, std::uint64_t end) {
              const auto page = pages_.find(index);
              if (page != pages_.end() && page->second)
                std::memcpy(out, page->second->data() + from, end - from);
              else
                std::memset(out, 0, end - from);
              out += end - from;
              return true;
            });
  return bytes;
}

MemoryInode::Behind& MemoryInode::behind(std::uint64_t index) {
  const auto [at, added] = behind_.try_emplace(index);
  if (added) {
    const auto page = pages_.find(index);
    if (page != pages_.end()) at->second.disk = copy(page->second);
  }
  return at->second;
}

std::size_t MemoryInode::write(std::uint64_t offset, Bytes bytes) {
  const std::byte* in = bytes.data();
  for_pages(offset, offset + bytes.size(),
            [&](std::uint64_t index, std::uint64_t from, std::uint64_t end) {
              if (!pages_.contains(index)) {
                if (space_->pages >= space_->pages_max) return false;
                ++space_->pages;
              }
              Behind& state = behind(index);
              PagePtr& page = pages_[index];
              if (!page) page = std::make_unique<Page>(Page{});
              std::memcpy(page->data() + from, in, end - from);
              const Sectors sectors = sectors_of(from, end);
              state.written |= sectors;
              state.freed &= static_cast<Sectors>(~sectors);
              state.lost &= static_cast<Sectors>(~sectors);
              in += end - from;
              return true;
            });
  const std::size_t done = static_cast<std::size_t>(in - bytes.data());
  if (offset + done > size_ && done > 0) {
    size_ = offset + done;
    size_lost_ = false;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> still_bad;
  for (const auto& [from, to] : bad_) {
    if (from < offset) still_bad.emplace_back(from, std::min(to, offset));
    if (to > offset + done) still_bad.emplace_back(std::max(from, offset + done), to);
  }
  bad_ = std::move(still_bad);
  return done;
}

bool MemoryInode::allocate(std::uint64_t offset, std::uint64_t bytes) {
  std::uint64_t missing = 0;
  const auto count = [&](std::uint64_t index, std::uint64_t, std::uint64_t) {
    missing += pages_.contains(index) ? 0 : 1;
    return true;
  };
  for_pages(offset, offset + bytes, count);
  if (space_->pages + missing > space_->pages_max) return false;
  space_->pages += missing;
  for_pages(offset, offset + bytes, [&](std::uint64_t index, std::uint64_t, std::uint64_t) {
    pages_.try_emplace(index);
    return true;
  });
  if (offset + bytes > size_) {
    size_ = offset + bytes;
    size_lost_ = false;
  }
  return true;
}

// Makes [from, to) read as zero and gives whole pages back.
void MemoryInode::free_range(std::uint64_t from, std::uint64_t to) {
  auto page = pages_.lower_bound(from / kPage);
  while (page != pages_.end() && page->first * kPage < to) {
    const std::uint64_t start = page->first * kPage;
    const std::uint64_t first = from > start ? from - start : 0;
    const std::uint64_t end = std::min(kPage, to - start);
    if (page->second) {
      Behind& state = behind(page->first);
      std::memset(page->second->data() + first, 0, end - first);
      const Sectors sectors = sectors_of(first, end);
      state.freed |= sectors;
      state.written &= static_cast<Sectors>(~sectors);
      state.lost &= static_cast<Sectors>(~sectors);
    }
    if (first == 0 && end == kPage) {
      --space_->pages;
      page = pages_.erase(page);
    } else {
      ++page;
    }
  }
}

void MemoryInode::truncate(std::uint64_t bytes) {
  if (bytes < size_) free_range(bytes, (size_ + kPage - 1) / kPage * kPage);
  if (bytes != size_) size_lost_ = false;
  size_ = bytes;
  smallest_size_ = std::min(smallest_size_, bytes);
}

void MemoryInode::punch(std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t from = (offset + kPage - 1) / kPage * kPage;
  const std::uint64_t to = (offset + bytes) / kPage * kPage;
  if (from < to) free_range(from, to);
}

void MemoryInode::restore(std::uint64_t index, const Behind& from, Sectors sectors) {
  if (sectors == 0) return;
  const auto [page, added] = pages_.try_emplace(index);
  if (added) ++space_->pages;  // it came back with its old contents
  if (!page->second) page->second = std::make_unique<Page>(Page{});
  for (unsigned s = 0; s < kPage / kSector; ++s) {
    if (!(sectors & (1u << s))) continue;
    std::byte* to = page->second->data() + s * kSector;
    if (from.disk)
      std::memcpy(to, from.disk->data() + s * kSector, kSector);
    else
      std::memset(to, 0, kSector);
  }
}

bool MemoryInode::unsynced(std::uint64_t offset, std::uint64_t bytes) const {
  for (auto at = behind_.lower_bound(offset / kPage);
       at != behind_.end() && at->first * kPage < offset + bytes; ++at)
    if (at->second.written != 0) return true;
  return false;
}

void MemoryInode::sync() {
  for (auto at = behind_.begin(); at != behind_.end();) {
    Behind& state = at->second;
    if (state.lost == 0) {
      at = behind_.erase(at);
      continue;
    }
    // The disk now holds what the process sees, except for the lost sectors.
    const PagePtr old = std::move(state.disk);
    const auto page = pages_.find(at->first);
    state.disk =
        page == pages_.end() || !page->second ? std::make_unique<Page>(Page{}) : copy(page->second);
    for (unsigned s = 0; s < kPage / kSector; ++s) {
      if (!(state.lost & (1u << s))) continue;
      std::byte* to = state.disk->data() + s * kSector;
      if (old)
        std::memcpy(to, old->data() + s * kSector, kSector);
      else
        std::memset(to, 0, kSector);
    }
    state.written = 0;
    state.freed = 0;
    ++at;
  }
  if (!size_lost_) disk_size_ = size_;
  smallest_size_ = disk_size_;
}

void MemoryInode::sync_fails_and_keeps() {
  for (auto& [index, state] : behind_) {
    state.lost |= static_cast<Sectors>(state.written | state.freed);
    state.written = 0;
    state.freed = 0;
  }
  size_lost_ = size_ != disk_size_;
}

void MemoryInode::sync_fails_and_reverts() {
  for (const auto& [index, state] : behind_)
    restore(index, state, static_cast<Sectors>(state.written | state.freed | state.lost));
  behind_.clear();
  size_ = smallest_size_ = disk_size_;
  size_lost_ = false;
}

void MemoryInode::lose_power(std::mt19937_64& random, double keep) {
  const bool freed_kept = chance(random, keep);
  for (const auto& [index, state] : behind_) {
    Sectors gone = state.lost;
    if (!freed_kept) gone |= state.freed;
    for (unsigned s = 0; s < kPage / kSector; ++s)
      if ((state.written & (1u << s)) && !chance(random, keep))
        gone = static_cast<Sectors>(gone | (1u << s));
    restore(index, state, gone);
  }
  behind_.clear();

  std::uint64_t size = freed_kept ? smallest_size_ : disk_size_;
  if (size_lost_) size = disk_size_;
  if (!size_lost_ && size_ > size) {
    if (chance(random, keep))
      size = size_;
    else if (chance(random, 0.5))
      size += random() % (size_ - size);
  }
  size_ = std::max(size_, size);
  truncate(size);
  behind_.clear();
  disk_size_ = smallest_size_ = size_;
  size_lost_ = false;
}

void MemoryInode::flip_bit(std::uint64_t offset, unsigned bit) {
  const auto mask = static_cast<std::byte>(1u << bit);
  const auto page = pages_.find(offset / kPage);
  if (page == pages_.end()) return;
  if (!page->second) page->second = std::make_unique<Page>(Page{});
  (*page->second)[offset % kPage] ^= mask;
  const auto state = behind_.find(offset / kPage);
  if (state == behind_.end()) return;
  if (!state->second.disk) state->second.disk = std::make_unique<Page>(Page{});
  (*state->second.disk)[offset % kPage] ^= mask;
}

void MemoryInode::fail_reads(std::uint64_t offset, std::uint64_t bytes) {
  bad_.emplace_back(offset, offset + bytes);
}

bool MemoryInode::read_fails(std::uint64_t offset, std::uint64_t bytes) const {
  return std::ranges::any_of(bad_, [&](const auto& range) {
    return range.first < offset + bytes && offset < range.second;
  });
}

}  // namespace everpost::storage
