// How many bytes may wait for the logs of all shards of a node together.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace everpost::cluster {

class WaitingBytes {
 public:
  static constexpr std::uint64_t kMax = 256 << 20;

  explicit WaitingBytes(std::uint64_t max = kMax) : max_(max) {}

  // False, and nothing taken, if there would be too many.
  bool take(std::uint64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= max_) return true;
    give(bytes);
    return false;
  }
  void give(std::uint64_t bytes) { used_.fetch_sub(bytes); }
  std::uint64_t used() const { return used_; }

 private:
  const std::uint64_t max_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace everpost::cluster
