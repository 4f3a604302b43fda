// What `up` writes for a node before its daemon starts.
#pragma once

#include "node/local/installation.h"

namespace everpost::local {

// The node's folder, its certificate (kept if there is one) and its everpost.toml. Errors: kIo,
// kInvalidArgument (the folder's path is too long for a socket).
Result<void> configure(const Installation& installation, const LocalNode& node);

// Errors: kAlreadyExists, naming the first port that another program listens on.
Result<void> check_ports_are_free(const Installation& installation);

}  // namespace everpost::local
