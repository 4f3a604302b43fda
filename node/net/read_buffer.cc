#include "node/net/read_buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "base/invariant.h"

namespace everpost::node {
namespace {

constexpr std::size_t kBytesMin = 4 << 10;
constexpr std::size_t kSparesMax = 8;

// Buffers of full size that this thread's connections have released: a connection under load takes
// and releases one with every wait, and the allocator would map and unmap its pages each time.
std::vector<std::unique_ptr<char[]>>& spares() {
  thread_local std::vector<std::unique_ptr<char[]>> list;
  return list;
}

std::unique_ptr<char[]> allocate(std::size_t bytes) {
  if (bytes == ReadBuffer::kBytesMax && !spares().empty()) {
    auto block = std::move(spares().back());
    spares().pop_back();
    return block;
  }
  return std::make_unique_for_overwrite<char[]>(bytes);
}

}  // namespace

std::span<char> ReadBuffer::room() {
  if (empty()) {
    begin_ = end_ = 0;
    if (capacity_ < goal_) {
      clear();
      data_ = allocate(goal_);
      capacity_ = goal_;
    }
  } else if (capacity_ - end_ < capacity_ / 4) {
    if (size() > capacity_ / 2 && capacity_ < kBytesMax) {
      resize(std::min(capacity_ * 2, kBytesMax));
    } else if (begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, size());
      end_ = size();
      begin_ = 0;
    }
  }
  return {data_.get() + end_, capacity_ - end_};
}

void ReadBuffer::resize(std::size_t capacity) {
  const std::size_t kept = size();
  auto block = allocate(capacity);
  std::memcpy(block.get(), data_.get() + begin_, kept);
  clear();
  data_ = std::move(block);
  capacity_ = capacity;
  end_ = kept;
}

void ReadBuffer::shrink() {
  release();
  const std::size_t enough = std::max(std::bit_ceil(size()), kBytesMin);
  if (enough < capacity_) resize(enough);
}

void ReadBuffer::filled(std::size_t bytes) {
  INVARIANT(bytes <= capacity_ - end_);
  if (bytes == capacity_ - end_)
    goal_ = std::min(capacity_ * 4, kBytesMax);
  else if (bytes < goal_ / 8)
    goal_ = std::max(goal_ / 2, kBytesMin);
  end_ += bytes;
}

void ReadBuffer::clear() {
  if (capacity_ == kBytesMax && spares().size() < kSparesMax) spares().push_back(std::move(data_));
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace everpost::node
