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
    if (samples_.size() >= kSamplesMax) thin_out(now);
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
  // Those go that are closer to the one before than a small part of their age; that one takes over
  // what they stood for. A year of samples comes down to some 700.
  void thin_out(Micros now) {
    constexpr int kPart = 32;
    std::vector<Sample> kept;
    kept.reserve(kSamplesMax);
    for (const Sample& sample : samples_)
      if (!kept.empty() && sample.time - kept.back().time < (now - sample.time) / kPart)
        kept.back().up_to = sample.up_to;
      else
        kept.push_back(sample);
    if (kept.size() >= kSamplesMax) kept.erase(kept.begin());
    samples_ = std::move(kept);
  }

  std::vector<Sample> samples_;  // by LSN and time
  Lsn last_;
};

}  // namespace everpost::cluster
