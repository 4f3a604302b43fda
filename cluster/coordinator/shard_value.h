// The text form of a shard's configuration, as an embedded coordinator's files and a cluster's
// znodes hold it. docs/formats/coordinator.md.
#pragma once

#include <string>
#include <string_view>

#include "cluster/coordinator/coordinator.h"

namespace everpost::cluster {

// A version of 0 is left out: a znode has one of its own.
std::string encode(const Versioned& value);
// Errors: kCorrupt; kUnsupported, a newer release has written it.
Result<Versioned> decode_shard_config(std::string_view text);

}  // namespace everpost::cluster
