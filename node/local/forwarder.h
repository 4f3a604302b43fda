// The network between the nodes of an installation: a process that takes the connections of nodes
// to each other and to ZooKeeper, and passes their bytes on. Told so, it stops passing them on
// between two ends, in one direction or both, as a cut cable does: nothing is closed and nobody is
// told. New connections are accepted (a kernel does that before anyone can stop it) and lead
// nowhere.
//
// After it is healed the bytes that waited go on; connections that were made while it was cut are
// closed. What a side sends meanwhile waits in the kernel's buffers of its connection.
//
// Who sends is known by the address that a connection comes from (127.0.1.N, rpc/README.md), or for
// ZooKeeper by the port that it goes to. Commands come through a local socket, a line each (Cuts).
#pragma once

#include <string>

#include "base/result.h"
#include "node/local/installation.h"

namespace everpost::local {

// Works until SIGTERM or SIGINT. Errors: kAlreadyExists (a port), kIo.
Result<void> run_network(const Installation& installation);

// Sends it a command and returns its answer: what is cut then. Errors: kUnavailable (it does not
// run), kInvalidArgument.
Result<std::string> ask_network(const std::string& socket, const std::string& command);

}  // namespace everpost::local
