// The meta of a CHECKPOINT_MARK record: "at this LSN the state had this digest". A replica that
// applies it with everything before it applied has to come to the same digest, otherwise its state
// has diverged or was damaged. Little-endian, 24 bytes, in docs/formats/meta.md:
//   0 applied u64   8 digest, low half u64   16 digest, high half u64
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
