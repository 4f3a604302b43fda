// Committed records on their way into the index: which of them change the state, and how they are
// gathered into index writes.
#pragma once

#include <span>
#include <vector>

#include "storage/index/index.h"
#include "storage/replica/replica.h"

namespace everpost::storage {

// The highest feature level whose commands this program can apply (D16).
constexpr std::uint32_t kFeatureLevelMax = 1;

// Applies `records`, which follow index.applied() without a gap, as one index write; as several if
// they are many, or if a CHECKPOINT_MARK among them has to be compared with the state before it.
// Returns what each of them told. Errors, after which the replica is broken:
//   kIo           of the index
//   kCorrupt      the index is damaged, or its state is not the one that a CHECKPOINT_MARK tells
//   kUnsupported  a newer program wrote the record
Result<std::vector<Applied>> apply_records(Index& index, ShardKind kind,
                                           std::span<const Record> records);

}  // namespace everpost::storage
