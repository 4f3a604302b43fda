// Hazard H24, the last part: a disk that failed twice within an hour is not tried a third time.
//
// <data folder>/disk-failures has a line for each failure of the last hour, written by the process
// that stops because of it:
//
//   1764023988 shard 3: fdatasync 000007.log: Input/output error
//
// The first word is the time, in seconds since 1970 (the wall clock, since it has to outlive the
// machine's restart). The administrator removes the file when the disk is in order.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace everpost::cluster {

constexpr int kExitDiskFailed = 74;  // EX_IOERR of sysexits.h
constexpr std::chrono::hours kDiskFailuresCount{1};

// Adds a line. Best effort: the disk that has failed may be the one that holds the file, so this
// neither reports an error nor takes longer than a second.
void note_disk_failure(const std::string& data_folder, const std::string& what,
                       std::chrono::sys_seconds now);

// Whether a node may start. Errors: kIo, two failures within an hour, and what to do about it.
Result<void> check_disk_failures(const std::string& data_folder, std::chrono::sys_seconds now);

inline std::chrono::sys_seconds wall_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace everpost::cluster
