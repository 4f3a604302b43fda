// How many connections there may be, in all and from one address. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/asio.h"

namespace everpost::node {

class ConnectionLimits {
 public:
  ConnectionLimits(std::uint32_t total_max, std::uint32_t per_address_max)
      : total_max_(total_max), per_address_max_(per_address_max) {}

  enum class Refusal { kNone, kTotal, kAddress };

  // A connection's place; given back when destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), address_(std::move(other.address_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Place() {
      if (limits_) limits_->leave(address_);
    }
    explicit operator bool() const { return limits_ != nullptr; }

   private:
    friend class ConnectionLimits;
    Place(ConnectionLimits* limits, std::string address)
        : limits_(limits), address_(std::move(address)) {}
    ConnectionLimits* limits_ = nullptr;
    std::string address_;
  };

  // The connections of one IPv4 address count together, and those of one IPv6 /64, which is what a
  // single customer gets. An empty place and the reason when there is none.
  std::pair<Place, Refusal> enter(const asio::ip::address& peer);
  std::uint32_t count() const;

 private:
  void leave(const std::string& address);

  const std::uint32_t total_max_, per_address_max_;
  mutable std::mutex mutex_;
  std::uint32_t total_ = 0;
  std::unordered_map<std::string, std::uint32_t> by_address_;
};

}  // namespace everpost::node
