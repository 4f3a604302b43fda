// What `everpost` exits with; docs/man/everpost.1 promises it to scripts.
#pragma once

namespace everpost::cli {

enum ExitCode : int {
  kOk = 0,
  kRefused = 1,      // the daemon refused, or it failed
  kDegraded = 1,     // status: a shard lacks its primary or a copy, or a node does not answer
  kUsage = 2,        // the command line makes no sense
  kUnreachable = 3,  // no daemon answers
};

}  // namespace everpost::cli
