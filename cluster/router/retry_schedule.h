// When queue entries whose delivery failed are tried again: 2 s after the first failure, then twice
// as long each time up to 5 min. It also keeps what the attempts so far are worth to the next one.
// Pure: the time comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace everpost::cluster {

// How far the delivery of one entry to one shard has come.
struct DeliveryProgress {
  std::uint32_t staged = 0;  // chunks of the message that the target has
  unsigned round = 0;        // the op_id's, see fan_out_op()
  bool parked = false;       // refused for good
};

class RetrySchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Delays {
    std::chrono::milliseconds first{2'000}, last{300'000};
  };
  // More entries than this are not begun while so many wait: what is in memory is bounded.
  static constexpr std::size_t kEntriesMax = 10'000;

  RetrySchedule() = default;
  explicit RetrySchedule(Delays delays) : delays_(delays) {}

  // What earlier attempts at the entry have left, by target. The reference holds until done().
  std::map<ShardId, DeliveryProgress>& progress(std::uint64_t queue_id);
  // The attempt at it failed; returns how long it waits now.
  std::chrono::milliseconds failed(std::uint64_t queue_id, Time now);
  // Nothing is left to do for it: delivered, or refused for good.
  void done(std::uint64_t queue_id);
  // Entries whose time has come, `max` at most. Each is under way until failed() or done().
  std::vector<std::uint64_t> due(Time now, std::size_t max);
  std::optional<Time> next() const;
  bool full() const { return entries_.size() >= kEntriesMax; }

 private:
  struct Entry {
    unsigned failures = 0;
    std::map<ShardId, DeliveryProgress> progress;
  };
  Delays delays_{};
  std::map<std::uint64_t, Entry> entries_;
  std::set<std::pair<Time, std::uint64_t>> waiting_;
};

}  // namespace everpost::cluster
