// Bytes that have been received and not been consumed. Takes no memory while it is empty and
// released; grows up to 256 KiB with how much comes at once.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace everpost::node {

class ReadBuffer {
 public:
  static constexpr std::size_t kBytesMax = 256 << 10;

  ReadBuffer() = default;
  ~ReadBuffer() { clear(); }
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  std::size_t capacity() const { return capacity_; }

  // The bytes stay where they are: a view of them is valid until room() is called.
  void consume(std::size_t bytes) { begin_ += bytes; }
  // Where to receive into; empty if kBytesMax are buffered already. Then say how much came.
  std::span<char> room();
  void filled(std::size_t bytes);

  // Gives the memory back if nothing is buffered.
  void release() {
    if (empty()) clear();
  }
  // Keeps only as much as what is buffered needs. The bytes move.
  void shrink();
  void clear();

 private:
  void resize(std::size_t capacity);  // not below size()

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::size_t goal_ = 4 << 10;  // the capacity that the last reads would have liked
};

}  // namespace everpost::node
