// When the commit point of a primary passed which LSN: tells for how long a copy has been behind.
// A few samples, closer together the newer they are.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace everpost::cluster {

class CommitTimes {
 public:
  static constexpr std::size_t kSamplesMax = 1024;
  static constexpr Micros kApart = std::chrono::milliseconds{5};

  // The commit point is `commit` now. Neither goes back.
  void note(Lsn commit, Micros now) {
    last_ = commit;
    if (!samples_.empty() && now - samples_.back().time < kApart) {
      // The older time stays for what came first since then.
      samples_.back().up_to = commit;
      return;
    }
    if (samples_.size() >= kSamplesMax) thin_out();
    samples_.push_back({commit, now});
  }
  Lsn last() const { return last_; }
  void clear() {
    samples_.clear();
    last_ = Lsn{};
  }

  // For how long something behind `lsn` has been committed, to about kApart, or a small part of the
  // answer if that is long; 0 if nothing is.
  Micros behind(Lsn lsn, Micros now) const {
    if (lsn >= last_) return Micros{0};
    const auto first = std::ranges::upper_bound(samples_, lsn, {}, &Sample::up_to);
    return first == samples_.end() ? Micros{0} : std::max(Micros{0}, now - first->time);
  }

 private:
  struct Sample {
    Lsn up_to;
    Micros time{};
  };
  // Every second one goes, of the older half. A sample takes over what its predecessor stood for.
  void thin_out() {
    std::vector<Sample> kept;
    kept.reserve(kSamplesMax);
    const std::size_t half = samples_.size() / 2;
    for (std::size_t i = 0; i + 1 < half; i += 2)
      kept.push_back({samples_[i + 1].up_to, samples_[i].time});
    kept.insert(kept.end(), samples_.begin() + static_cast<long>(half / 2 * 2), samples_.end());
    samples_ = std::move(kept);
  }

  std::vector<Sample> samples_;  // by LSN and time
  Lsn last_;
};

}  // namespace everpost::cluster
