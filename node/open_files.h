// Each connection and each file of the store takes a descriptor.
#pragma once

#include "node/runtime/config.h"

namespace everpost::node {

// Raises the limit of open files as far as is needed and possible, and warns if that is not enough
// for limits.connections. Call it before privileges are dropped.
void raise_open_files_limit(const Config& config);

}  // namespace everpost::node
