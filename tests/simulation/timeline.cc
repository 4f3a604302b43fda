#include "tests/simulation/timeline.h"

#include <algorithm>
#include <fmt/format.h>

namespace everpost::simulation {

void Timeline::at(Micros when, Action action) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(std::move(action));
  } else {
    slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(action);
  }
  heap_.push_back({std::max(when, now_), order_++, slot});
  std::ranges::push_heap(heap_, std::greater{});
}

void Timeline::run(Micros until) {
  while (!heap_.empty() && heap_.front().at <= until) {
    const Due due = heap_.front();
    std::ranges::pop_heap(heap_, std::greater{});
    heap_.pop_back();
    now_ = due.at;
    Action action = std::move(slots_[due.slot]);
    free_.push_back(due.slot);
    ++actions_;
    action();
  }
  now_ = std::max(now_, until);
}

void Trace::say(Micros now, const std::string& line) {
  lines_.push_back(fmt::format("{:>11.6f} {}", static_cast<double>(now.count()) / 1e6, line));
}

std::string Trace::tail(std::size_t count) const {
  std::string text;
  const std::size_t first = lines_.size() > count ? lines_.size() - count : 0;
  for (std::size_t i = first; i < lines_.size(); ++i) text += lines_[i] + "\n";
  return text;
}

}  // namespace everpost::simulation
