#include "node/imap/syntax/sequence_set.h"

#include <algorithm>

namespace everpost::node::imap {
namespace {

// First and last in ascending order: "4:2" means "2:4" (RFC 3501 §9, seq-range).
std::pair<std::uint32_t, std::uint32_t> ordered(const SequenceSet::Range& range,
                                                std::uint32_t largest) {
  const std::uint32_t a = range.first == SequenceSet::kStar ? largest : range.first;
  const std::uint32_t b = range.last == SequenceSet::kStar ? largest : range.last;
  return std::minmax({a, b});
}

bool names_star(const SequenceSet::Range& range) {
  return range.first == SequenceSet::kStar || range.last == SequenceSet::kStar;
}

}  // namespace

bool SequenceSet::contains(std::uint32_t number, std::uint32_t largest) const {
  return std::ranges::any_of(ranges, [&](const Range& range) {
    if (largest == 0 && names_star(range)) return false;
    const auto [first, last] = ordered(range, largest);
    return first <= number && number <= last;
  });
}

storage::UidSet SequenceSet::resolve(std::uint32_t largest) const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted;
  sorted.reserve(ranges.size());
  for (const Range& range : ranges)
    if (largest != 0 || !names_star(range)) sorted.push_back(ordered(range, largest));
  std::ranges::sort(sorted);  // so that each add() below appends: a set of n ranges costs n log n
  storage::UidSet set;
  for (const auto& [first, last] : sorted) set.add(Uid{first}, Uid{last});
  return set;
}

}  // namespace everpost::node::imap
