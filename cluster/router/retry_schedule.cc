#include "cluster/router/retry_schedule.h"

#include <algorithm>

namespace everpost::cluster {

std::map<ShardId, DeliveryProgress>& RetrySchedule::progress(std::uint64_t queue_id) {
  return entries_[queue_id].progress;
}

std::chrono::milliseconds RetrySchedule::failed(std::uint64_t queue_id, Time now) {
  Entry& entry = entries_[queue_id];
  constexpr unsigned kDoublingsMax = 20;  // no overflow; last is reached long before
  const auto delay = std::min(
      delays_.last, delays_.first * (std::int64_t{1} << std::min(entry.failures, kDoublingsMax)));
  ++entry.failures;
  waiting_.emplace(now + delay, queue_id);
  return delay;
}

void RetrySchedule::done(std::uint64_t queue_id) { entries_.erase(queue_id); }

std::vector<std::uint64_t> RetrySchedule::due(Time now, std::size_t max) {
  std::vector<std::uint64_t> ids;
  while (!waiting_.empty() && waiting_.begin()->first <= now && ids.size() < max) {
    ids.push_back(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
  return ids;
}

std::optional<RetrySchedule::Time> RetrySchedule::next() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

}  // namespace everpost::cluster
