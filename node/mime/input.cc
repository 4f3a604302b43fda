#include "node/mime/input.h"

#include <algorithm>

namespace everpost::node::mime {

bool Input::extend(std::uint64_t keep) {
  const std::uint64_t end = window_at_ + window_.size();
  if (!read_ || error_ || end >= size_) return false;

  buffer_.erase(0, keep - window_at_);
  window_at_ = keep;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + std::min(kChunkBytes, size_ - end));
  if (auto read = (*read_)(end, std::as_writable_bytes(std::span(buffer_).subspan(had))); !read) {
    error_ = std::move(read).error();
    buffer_.resize(had);
  }
  window_ = buffer_;
  return !error_;
}

}  // namespace everpost::node::mime
