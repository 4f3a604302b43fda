// Processes of this machine that we started, named by pid and start time: a pid that was given to
// another process meanwhile is not the one that we mean, and never gets a signal from us.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace everpost::local {

struct Process {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot: field 22 of /proc/PID/stat (proc(5))
  std::string boot_id;            // of which boot
  friend bool operator==(const Process&, const Process&) = default;
};

enum class ProcessState { kGone, kRunning, kStopped };  // a zombie is gone

// The process that has this pid now; nothing if there is none.
std::optional<Process> identify(pid_t pid);
ProcessState state_of(const Process& process);
// The process, and everything that it started and what those started.
std::vector<Process> with_descendants(const Process& process);

// Errors: kNotFound (it is gone), kPermissionDenied.
Result<void> send_signal(const Process& process, int signal);
// Polls until all are in the state. False: not within `deadline`.
bool wait_for(const std::vector<Process>& processes, ProcessState state,
              std::chrono::milliseconds deadline);

// Waits until whoever inherited them (init) has taken note of their end, and /proc has forgotten
// them; not for longer than `deadline`, since an init that does not is no fault of ours.
void wait_until_reaped(const std::vector<Process>& processes, std::chrono::milliseconds deadline);

// Starts a program (a path, or a name to be found through $PATH) in a session of its own, with
// `folder` as its working directory, standard input from nowhere, and standard output and error
// appended to `log_file`. Errors: kIo.
Result<Process> start_detached(const std::string& program,
                               const std::vector<std::string>& arguments, const std::string& folder,
                               const std::string& log_file);
// If the child has ended, how: "exited with status 1", "killed by signal 11".
std::optional<std::string> ended(const Process& child);

}  // namespace everpost::local
