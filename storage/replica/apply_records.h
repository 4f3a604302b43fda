// Committed records on their way into the index: how they are gathered into index writes, and how
// the state is compared with what a CHECKPOINT_MARK says.
#pragma once

#include <span>
#include <vector>

#include "storage/index/hint_file.h"
#include "storage/index/index.h"
#include "storage/replica/replica.h"

namespace everpost::storage {

// Applies `records`, which follow index.applied() without a gap, as one index write; as several if
// they are many, or if a CHECKPOINT_MARK among them has to be compared with the state before it.
// `applying` names them meanwhile: the next process reads there that this one died of them (H48).
// Returns what each of them told. Errors, after which the replica is broken:
//   kIo           of the index
//   kCorrupt      the index is damaged, or its state is not the one that a CHECKPOINT_MARK tells
//   kUnsupported  a newer program wrote the record
Result<std::vector<Applied>> apply_records(HintFile& applying, Index& index, ShardKind kind,
                                           std::span<const Record> records);

}  // namespace everpost::storage
