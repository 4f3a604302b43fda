#include "node/imap/session/view.h"

#include <algorithm>

#include "base/invariant.h"

namespace everpost::node::imap {

View::View(const std::vector<Uid>& ascending) {
  for (const Uid uid : ascending) append(uid);
  runs_.shrink_to_fit();
}

std::uint32_t View::size() const {
  return runs_.empty() ? 0 : runs_.back().before + runs_.back().count;
}

Uid View::last() const {
  return runs_.empty() ? Uid{0} : Uid{runs_.back().first + runs_.back().count - 1};
}

Uid View::uid_at(std::uint32_t seq) const {
  INVARIANT(seq >= 1 && seq <= size());
  const auto after = std::ranges::upper_bound(runs_, seq - 1, {}, &Run::before);
  const Run& run = *std::prev(after);
  return Uid{run.first + (seq - 1 - run.before)};
}

std::vector<View::Run>::const_iterator View::run_from(std::uint32_t uid) const {
  return std::ranges::partition_point(
      runs_, [&](const Run& run) { return run.first + (run.count - 1) < uid; });
}

std::optional<std::uint32_t> View::seq_of(Uid uid) const {
  const auto run = run_from(uid.value);
  if (run == runs_.end() || run->first > uid.value) return std::nullopt;
  return run->before + (uid.value - run->first) + 1;
}

std::uint32_t View::count_from(Uid uid) const {
  const auto run = run_from(uid.value);
  if (run == runs_.end()) return 0;
  return size() - run->before - (uid.value > run->first ? uid.value - run->first : 0);
}

void View::append(Uid uid) {
  INVARIANT(uid > last());
  if (!runs_.empty() && last().value + 1 == uid.value)
    ++runs_.back().count;
  else
    runs_.push_back({uid.value, 1, size()});
}

std::vector<std::uint32_t> View::remove(const storage::UidSet& uids) {
  std::vector<std::uint32_t> seqs;
  std::vector<Run> kept;
  const auto keep = [&](std::uint32_t first, std::uint32_t end) {
    if (first == end) return;
    const std::uint32_t before = kept.empty() ? 0 : kept.back().before + kept.back().count;
    kept.push_back({first, end - first, before});
  };
  auto range = uids.ranges().begin();
  const auto ranges_end = uids.ranges().end();
  for (const Run& run : runs_) {
    std::uint32_t at = run.first;
    const std::uint32_t last = run.first + (run.count - 1);
    while (range != ranges_end && range->last.value < run.first) ++range;
    // A range may reach into the next run: it is passed only when it ends in this one.
    for (; range != ranges_end && range->first.value <= last; ++range) {
      const std::uint32_t from = std::max(range->first.value, run.first);
      const std::uint32_t to = std::min(range->last.value, last);
      keep(at, from);
      for (std::uint32_t uid = from; uid <= to; ++uid)
        seqs.push_back(run.before + (uid - run.first) + 1);
      at = to + 1;
      if (range->last.value > last) break;
    }
    if (at <= last) keep(at, last + 1);
  }
  runs_ = std::move(kept);
  std::ranges::reverse(seqs);
  return seqs;
}

storage::UidSet View::all() const {
  storage::UidSet all;
  for (const Run& run : runs_) all.add(Uid{run.first}, Uid{run.first + (run.count - 1)});
  return all;
}

storage::UidSet View::intersect(const storage::UidSet& uids) const {
  storage::UidSet common;
  for (const auto& [first, last] : uids.ranges()) {
    for (auto run = run_from(first.value); run != runs_.end() && run->first <= last.value; ++run)
      common.add(Uid{std::max(first.value, run->first)},
                 Uid{std::min(last.value, run->first + (run->count - 1))});
  }
  return common;
}

bool View::names_unknown(const SequenceSet& seqs) const {
  const std::uint32_t largest = size();
  return std::ranges::any_of(seqs.ranges, [&](const SequenceSet::Range& range) {
    const bool star = range.first == SequenceSet::kStar || range.last == SequenceSet::kStar;
    return std::max(range.first, range.last) > largest && !(star && largest == 0);
  });
}

storage::UidSet View::uids_of(const SequenceSet& seqs) const {
  storage::UidSet uids;
  for (const auto& [first, last] : seqs.resolve(size()).ranges()) {
    if (first.value > size()) break;
    auto run = std::prev(std::ranges::upper_bound(runs_, first.value - 1, {}, &Run::before));
    for (; run != runs_.end() && run->before < last.value; ++run) {
      const std::uint32_t from = std::max(first.value - 1, run->before) - run->before;
      const std::uint32_t to = std::min(last.value, run->before + run->count) - run->before;
      uids.add(Uid{run->first + from}, Uid{run->first + to - 1});
    }
  }
  return uids;
}

storage::UidSet View::uids_named(const SequenceSet& uids) const {
  return intersect(uids.resolve(last().value));
}

storage::UidSet View::seqs_of(const storage::UidSet& uids) const {
  storage::UidSet seqs;
  for (const auto& [first, last] : intersect(uids).ranges()) {
    const std::uint32_t seq = *seq_of(first);
    seqs.add(Uid{seq}, Uid{seq + (last.value - first.value)});
  }
  return seqs;
}

storage::UidSet difference(const storage::UidSet& uids, const storage::UidSet& without) {
  storage::UidSet left;
  auto hole = without.ranges().begin();
  const auto holes_end = without.ranges().end();
  for (const auto& [first, last] : uids.ranges()) {
    std::uint64_t at = first.value;  // 64 bits: may step past the largest UID
    while (hole != holes_end && hole->last < first) ++hole;
    for (auto next = hole; next != holes_end && next->first <= last; ++next) {
      if (next->first.value > at)
        left.add(Uid{static_cast<std::uint32_t>(at)}, Uid{next->first.value - 1});
      at = std::uint64_t{next->last.value} + 1;
    }
    if (at <= last.value) left.add(Uid{static_cast<std::uint32_t>(at)}, last);
  }
  return left;
}

storage::UidSet common(const storage::UidSet& a, const storage::UidSet& b) {
  storage::UidSet both;
  auto left = a.ranges().begin();
  auto right = b.ranges().begin();
  while (left != a.ranges().end() && right != b.ranges().end()) {
    const Uid first = std::max(left->first, right->first);
    const Uid last = std::min(left->last, right->last);
    if (first <= last) both.add(first, last);
    left->last < right->last ? ++left : ++right;
  }
  return both;
}

Batches::Batches(storage::UidSet uids) : uids_(std::move(uids)) {
  if (!done()) next_ = uids_.ranges().front().first.value;
}

storage::UidSet Batches::next(std::uint64_t most) {
  storage::UidSet batch;
  while (most > 0 && !done()) {
    const Uid last = uids_.ranges()[range_].last;
    const std::uint64_t end = std::min(next_ + most, std::uint64_t{last.value} + 1);
    batch.add(Uid{static_cast<std::uint32_t>(next_)}, Uid{static_cast<std::uint32_t>(end - 1)});
    most -= end - next_;
    next_ = end;
    if (end <= last.value) break;
    ++range_;
    if (!done()) next_ = uids_.ranges()[range_].first.value;
  }
  return batch;
}

}  // namespace everpost::node::imap
