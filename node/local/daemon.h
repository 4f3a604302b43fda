// What runs of an installation: started and waited for, told to stop, looked at.
#pragma once

#include <string>
#include <vector>

#include "node/local/installation.h"

namespace everpost::local {

// Its processes that are alive; empty if it does not run.
std::vector<Process> processes_of(const Daemon& daemon);

// /healthz answers with 200.
bool answers(const LocalNode& node);

// Starts everpostd (found beside this program) and saves its process. Errors: kNotFound (no
// everpostd), kIo.
Result<void> launch(Installation& installation, LocalNode& node);
// Waits until it answers, for two minutes. Errors: kUnavailable, with the end of its log; it does
// not run then.
Result<void> wait_until_answers(const Installation& installation, LocalNode& node);

// Starts servers, all at once, and waits until each serves. One of several serves only while most
// of them run: with fewer it is not waited for. Errors: kNotFound (not installed), kUnavailable.
Result<void> start(Installation& installation, const std::vector<LocalZooKeeper*>& servers);

// Starts the process that connections between nodes go through, and waits until it can be told
// things. Errors: kUnavailable, kIo.
Result<void> start_network(Installation& installation);

// SIGTERM to all, so that they close cleanly; SIGKILL to what has not ended after 30 s. Errors:
// kTimeout.
Result<void> end(const std::vector<Daemon*>& daemons);
// All that runs: nodes, then the network, then ZooKeeper. Their processes are forgotten, not saved.
Result<void> end_all(Installation& installation);

// Sends a signal to all processes of it and waits until it has worked. Errors: kNotFound (it does
// not run), kPermissionDenied, kTimeout.
Result<void> send_and_wait(const Daemon& daemon, int signal, ProcessState wanted);

}  // namespace everpost::local
