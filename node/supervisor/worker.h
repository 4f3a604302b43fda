// Programs that the supervisor starts: the worker, and a new version's check of the configuration.
#pragma once

#include <string>

#include "node/runtime/descriptor.h"
#include "node/supervisor/handover.h"
#include "node/supervisor/listeners.h"

namespace everpost::node {

struct Worker {
  pid_t pid = 0;
  Descriptor ready;  // a byte comes when it serves
};

// Starts this very program as a worker, also when its file has been replaced meanwhile.
// Errors: kUnavailable.
Result<Worker> start_worker(const std::string& config_file, const Listeners& listeners,
                            unsigned restarts);

// Runs `program --check-config`. Blocks, for 10 s at most. Errors: kInvalidArgument with what it
// says; kTimeout; kUnavailable.
Result<void> check_config_with(const std::string& program, const std::string& config_file);

// "exited with status 1", "killed by SIGSEGV"
std::string how_it_ended(int wait_status);

}  // namespace everpost::node
