// Which epochs a log holds and where each of them begins. Two logs that agree on an epoch's start
// hold the same records from there to the nearer of the epoch's two ends: that is how a primary
// finds out where a backup's log left its own (KIP-101, KIP-320).
#pragma once

#include <optional>
#include <vector>

#include "cluster/replication/log_record.h"

namespace everpost::cluster::replication {

struct EpochBegin {
  Epoch epoch;
  LogEnd at;  // the log's end when the epoch's first record was appended
  friend bool operator==(const EpochBegin&, const EpochBegin&) = default;
};

using EpochTable = std::vector<EpochBegin>;  // ascending

// Epochs of a log whose older part the other log no longer knows are not needed: more than these
// are never sent.
constexpr std::size_t kEpochTableMax = 256;

// The epoch of the last record of a log that ends at `end`; 0 for an empty one.
Epoch last_epoch(const EpochTable& table, Lsn end);
// Forgets epochs that begin at or behind `end`.
void cut(EpochTable& table, Lsn end);

// How far the logs of `mine` (which ends at `my_end`) and `theirs` are the same, judged by their
// epochs; the chain at that point has to be compared as well. Nothing: they have no epoch in
// common, and neither is empty.
std::optional<Lsn> divergence(const EpochTable& mine, Lsn my_end, const EpochTable& theirs,
                              Lsn their_end);

}  // namespace everpost::cluster::replication
