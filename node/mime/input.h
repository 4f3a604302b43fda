// A message read from front to back through a window that slides over it: over the message itself
// if it is in memory, over a buffer of a few chunks if it is not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/mime/summary.h"

namespace everpost::node::mime {

class Input {
 public:
  static constexpr std::uint64_t kChunkBytes = 256 << 10;

  explicit Input(std::string_view message) : window_(message), size_(message.size()) {}
  Input(std::uint64_t size, const ReadAt& read) : read_(&read), size_(size) {}

  // The part of the window that begins at position `at`, which is in the window or at its end.
  std::string_view from(std::uint64_t at) const { return window_.substr(at - window_at_); }

  // Reads the next chunk; what is before position `keep` leaves the window. Views are void then.
  // False at the end of the message, or when reading failed (error()).
  bool extend(std::uint64_t keep);

  const std::optional<Error>& error() const { return error_; }

 private:
  const ReadAt* read_ = nullptr;
  std::string buffer_;
  std::string_view window_;
  std::uint64_t window_at_ = 0;  // position of the window's first byte
  const std::uint64_t size_;
  std::optional<Error> error_;
};

}  // namespace everpost::node::mime
