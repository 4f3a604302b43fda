// One node's daemon: started and waited for, told to stop, looked at.
#pragma once

#include <string>
#include <vector>

#include "node/local/installation.h"

namespace everpost::local {

// Its processes that are alive; empty if it does not run.
std::vector<Process> processes_of(const LocalNode& node);

// /healthz answers with 200.
bool answers(const LocalNode& node);

// Starts everpostd (found beside this program), saves its process, and waits until it answers.
// Errors: kUnavailable, with the end of its log, if it ends or does not answer in time; kNotFound
// (no everpostd), kIo.
Result<void> start(Installation& installation, LocalNode& node);

// SIGTERM, so that it closes cleanly; SIGKILL if it has not ended after 30 s. Errors: kTimeout.
Result<void> end(const LocalNode& node);

// Sends a signal to all of its processes and waits until it has worked. Errors: kNotFound (it does
// not run), kPermissionDenied, kTimeout.
Result<void> send_and_wait(const LocalNode& node, int signal, ProcessState wanted);

}  // namespace everpost::local
