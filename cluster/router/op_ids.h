// Operation ids of this node's frontends (H40).
#pragma once

#include <algorithm>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "storage/machine/op_hours.h"

namespace everpost::cluster {

inline std::uint32_t hour_of(WallTime time) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(storage::hours(time), 0));
}

inline OpId make_op_id(NodeId node, WallTime now) {
  return OpId{hour_of(now), node.value, random_u64()};
}

}  // namespace everpost::cluster
