// A password in memory: on the heap once, wiped when it goes.
#pragma once

#include <cstring>
#include <memory>
#include <sodium.h>
#include <string>
#include <string_view>
#include <utility>

namespace everpost::node {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes)
      : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  // Wipes what it was taken from.
  static Secret take(std::string& from) {
    Secret secret(from);
    sodium_memzero(from.data(), from.size());
    from.clear();
    return secret;
  }
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() {
    if (bytes_) sodium_memzero(bytes_.get(), size_);
  }

  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace everpost::node
