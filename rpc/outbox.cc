#include "rpc/outbox.h"

namespace everpost::rpc {

Outbox::Put Outbox::put(ShardId shard, std::string bytes, std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  const std::size_t cost = bytes.size() + kOverhead;
  if (!open_ || bytes_ + cost > bytes_max) return Put::kRefused;
  bytes_ += cost;
  messages_.push_back({shard, std::move(bytes)});
  return std::exchange(asleep_, false) ? Put::kWake : Put::kQueued;
}

void Outbox::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  asleep_ = false;
}

void Outbox::close() {
  std::deque<Outgoing> lost;
  const std::lock_guard lock(mutex_);
  open_ = false;
  bytes_ = 0;
  lost.swap(messages_);
}

std::deque<Outgoing> Outbox::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  std::deque<Outgoing> taken;
  std::size_t cost = 0;
  while (!messages_.empty() && cost < bytes) {
    cost += messages_.front().bytes.size() + kOverhead;
    taken.push_back(std::move(messages_.front()));
    messages_.pop_front();
  }
  bytes_ -= cost;
  asleep_ = taken.empty();
  return taken;
}

}  // namespace everpost::rpc
