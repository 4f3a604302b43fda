// The meta of an EPOCH_START record: who began to reign, by which configuration. Little-endian, 24
// bytes:
//   0 epoch u32   4 node u32   8 config version u64   16 feature level u32   20 reserved 0
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster {

struct EpochStart {
  Epoch epoch;
  NodeId node;
  std::uint64_t config_version = 0;
  std::uint32_t feature_level = 1;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

inline std::string encode(const EpochStart& start) {
  std::string meta;
  append_le(meta, start.epoch.value);
  append_le(meta, start.node.value);
  append_le(meta, start.config_version);
  append_le(meta, start.feature_level);
  append_le(meta, std::uint32_t{0});
  return meta;
}

inline Result<EpochStart> decode_epoch_start(Bytes meta) {
  if (meta.size() < 24) return Error{ErrorCode::kCorrupt, "EPOCH_START of fewer than 24 bytes"};
  return EpochStart{
      Epoch{load_le<std::uint32_t>(meta.data())}, NodeId{load_le<std::uint32_t>(meta.data() + 4)},
      load_le<std::uint64_t>(meta.data() + 8), load_le<std::uint32_t>(meta.data() + 16)};
}

}  // namespace everpost::cluster
