#include "storage/machine/uid_set.h"

#include <algorithm>

#include "base/invariant.h"

namespace everpost::storage {

UidSet UidSet::of(std::vector<Uid> uids) {
  std::ranges::sort(uids);
  UidSet set;
  for (const Uid uid : uids) set.add(uid);
  return set;
}

void UidSet::add(Uid first, Uid last) {
  INVARIANT(first <= last);
  // The ranges that touch [first-1, last+1] become one with it.
  const auto from = std::ranges::partition_point(
      ranges_, [&](const Range& r) { return std::uint64_t{r.last.value} + 1 < first.value; });
  auto to = from;
  while (to != ranges_.end() && to->first.value <= std::uint64_t{last.value} + 1) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
    ++to;
  }
  ranges_.insert(ranges_.erase(from, to), Range{first, last});
}

bool UidSet::contains(Uid uid) const {
  const auto after = std::ranges::upper_bound(ranges_, uid, {}, &Range::first);
  return after != ranges_.begin() && std::prev(after)->last >= uid;
}

std::uint64_t UidSet::count() const {
  std::uint64_t total = 0;
  for (const Range& r : ranges_) total += std::uint64_t{r.last.value} - r.first.value + 1;
  return total;
}

std::string UidSet::to_string() const {
  std::string text;
  for (const Range& r : ranges_) {
    if (!text.empty()) text += ',';
    text += std::to_string(r.first.value);
    if (r.last != r.first) text += ':' + std::to_string(r.last.value);
  }
  return text;
}

}  // namespace everpost::storage
