// What a shard wants of its copies on other nodes when its own is damaged.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/record.h"

namespace everpost::cluster {

class OtherCopies {
 public:
  virtual ~OtherCopies() = default;
  // The bytes of `extent`, checked against its checksum. Blocks, for seconds at most; any thread.
  // Errors: kUnavailable (no other copy has them, or can be reached).
  virtual Result<std::string> fetch(ShardId shard, const storage::Extent& extent) = 0;
  // The shard's log holds something that is not valid: it is looked for, and mended, soon. Any
  // thread; does not block.
  virtual void damaged(ShardId shard) = 0;
};

}  // namespace everpost::cluster
