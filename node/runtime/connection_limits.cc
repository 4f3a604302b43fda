#include "node/runtime/connection_limits.h"

namespace everpost::node {
namespace {

std::string counted_as(const asio::ip::address& peer) {
  if (peer.is_v4()) {
    const auto bytes = peer.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = peer.to_v6().to_bytes();
  if (peer.to_v6().is_v4_mapped()) return {bytes.begin() + 12, bytes.end()};
  return {bytes.begin(), bytes.begin() + 8};
}

}  // namespace

std::pair<ConnectionLimits::Place, ConnectionLimits::Refusal> ConnectionLimits::enter(
    const asio::ip::address& peer) {
  std::string address = counted_as(peer);
  const std::lock_guard lock(mutex_);
  if (total_ >= total_max_) return {Place{}, Refusal::kTotal};
  std::uint32_t& here = by_address_[address];
  if (here >= per_address_max_) return {Place{}, Refusal::kAddress};
  ++here;
  ++total_;
  return {Place{this, std::move(address)}, Refusal::kNone};
}

void ConnectionLimits::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  --total_;
  const auto here = by_address_.find(address);
  if (--here->second == 0) by_address_.erase(here);
}

std::uint32_t ConnectionLimits::count() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace everpost::node
