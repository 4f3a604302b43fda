// The state machine of the directory shard: applies committed records to the index. What the
// commands mean is in directory_command.h; what the index holds, in docs/formats/index.md.
//
// Deterministic: the index after a record is a function of the index before it and of the record's
// header and meta. Nothing that a record contains makes it fail: what is malformed or impossible
// gets an error as its outcome and has no effect (H48).
#pragma once

#include <optional>

#include "storage/index/index.h"
#include "storage/log/record.h"
#include "storage/machine/directory_command.h"

namespace everpost::storage {

// What applying one record told.
struct DirectoryApplied {
  OpId op;                                  // of a TXN, as far as it could be read
  Lsn lsn;                                  // of the record
  std::optional<DirectoryOutcome> outcome;  // of a TXN
};

// Applies one record on top of `txn`. Errors: kIo and kCorrupt of the index, kUnsupported for a
// record that a newer program wrote. After any of them the replica must stop: going on without the
// record would make it another state than its peers'.
Result<DirectoryApplied> apply_directory(IndexTxn& txn, const RecordHeader& header, Bytes meta);

}  // namespace everpost::storage
