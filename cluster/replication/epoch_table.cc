#include "cluster/replication/epoch_table.h"

#include <algorithm>

namespace everpost::cluster::replication {
namespace {

// Where the epoch of `entry` ends in its log.
Lsn end_of_epoch(const EpochTable& table, EpochTable::const_iterator entry, Lsn end) {
  const auto next = std::next(entry);
  return next == table.end() ? end : std::min(end, next->at.lsn);
}

}  // namespace

Epoch last_epoch(const EpochTable& table, Lsn end) {
  for (auto entry = table.rbegin(); entry != table.rend(); ++entry)
    if (entry->at.lsn < end) return entry->epoch;
  return Epoch{0};
}

void cut(EpochTable& table, Lsn end) {
  while (!table.empty() && table.back().at.lsn >= end) table.pop_back();
}

std::optional<Lsn> divergence(const EpochTable& mine, Lsn my_end, const EpochTable& theirs,
                              Lsn their_end) {
  if (mine.empty() || theirs.empty()) return Lsn{0};
  auto a = mine.end();
  auto b = theirs.end();
  while (a != mine.begin() && b != theirs.begin()) {
    const auto last_a = std::prev(a), last_b = std::prev(b);
    if (last_a->epoch == last_b->epoch) {
      if (last_a->at == last_b->at)
        return std::min(end_of_epoch(mine, last_a, my_end),
                        end_of_epoch(theirs, last_b, their_end));
      return std::nullopt;  // one epoch, two beginnings: never of one history
    }
    if (last_a->epoch > last_b->epoch)
      a = last_a;
    else
      b = last_b;
  }
  // No epoch in common. If both logs reach back to their beginning, they agree on nothing.
  if (mine.front().at.lsn == Lsn{0} && theirs.front().at.lsn == Lsn{0}) return Lsn{0};
  return std::nullopt;
}

}  // namespace everpost::cluster::replication
