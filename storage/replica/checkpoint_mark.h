// The meta of a CHECKPOINT_MARK record: which state a replica's index was in. Little-endian, 24
// bytes:
//   0 applied LSN u64   8 digest u64 low   16 digest u64 high
//
// Whoever applies the mark with its own index at exactly `applied` compares the digests: if they
// differ, one of the two indexes is wrong (kCorrupt). At another LSN the mark says nothing.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/index/index.h"

namespace everpost::storage {

struct CheckpointMark {
  Lsn applied;
  StateDigest digest;
  friend bool operator==(const CheckpointMark&, const CheckpointMark&) = default;
};

inline std::string encode(const CheckpointMark& mark) {
  std::string meta;
  append_le(meta, mark.applied.value);
  append_le(meta, mark.digest.low);
  append_le(meta, mark.digest.high);
  return meta;
}

// A later version may append fields. Errors: kCorrupt.
inline Result<CheckpointMark> decode_checkpoint_mark(Bytes meta) {
  if (meta.size() < 24) return Error{ErrorCode::kCorrupt, "CHECKPOINT_MARK of fewer than 24 bytes"};
  return CheckpointMark{
      Lsn{load_le<std::uint64_t>(meta.data())},
      {load_le<std::uint64_t>(meta.data() + 8), load_le<std::uint64_t>(meta.data() + 16)}};
}

}  // namespace everpost::storage
