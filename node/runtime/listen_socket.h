// A socket that listens at an address of the configuration: bound here, or inherited from the
// supervisor (supervisor/).
#pragma once

#include <string>

#include "base/result.h"
#include "node/runtime/config.h"
#include "node/runtime/descriptor.h"

namespace everpost::node {

// "127.0.0.1:25", "[::1]:25"
std::string to_string(const ListenAddress& address);

// Binds and listens; connections wait in the kernel. Errors, which say what to do: kBusy (the port
// is in use), kInvalidArgument (not permitted, no such address).
Result<Descriptor> listen_on(Protocol protocol, const ListenAddress& address);

// Whether the descriptor is a socket that listens at this address, written as above.
bool listens_at(int fd, const std::string& address);

}  // namespace everpost::node
