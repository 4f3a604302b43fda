// What a supervisor hands to the worker that it starts, and to its own next image at a planned
// restart: descriptors that stay open over exec, and what they are, in the environment:
//
//   EVERPOST_HANDOVER="supervisor=812 ready=7 restarts=2 socket=127.0.0.1:25=3 socket=[::1]:25=4"
//
// Words that are not known are passed over, so that an old and a new version understand each other.
#pragma once

#include <map>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace everpost::node {

struct Handover {
  static constexpr const char* kVariable = "EVERPOST_HANDOVER";

  pid_t supervisor = 0;
  std::map<std::string, int> sockets;  // listening, by to_string(ListenAddress)
  unsigned restarts = 0;               // of workers that had died
  // For a worker: a pipe, to which it writes a byte once it serves.
  int ready = -1;
  // For the next image: the worker that runs, 0 if none does, and whether one has ever served.
  pid_t worker = 0;
  bool served = false;

  std::string text() const;
  // Errors: kInvalidArgument.
  static Result<Handover> parse(const std::string& text);

  // Takes the variable out of the environment. What it names is closed at the next exec. Errors:
  // kNotFound (no such variable); kInvalidArgument (a descriptor is not what it is said to be).
  static Result<Handover> take();

  // For a worker: its supervisor is told that it serves.
  void say_ready();
};

// This process gets SIGKILL when the supervisor is gone. Anything gentler would hold ports and data
// folder for up to minutes, against the supervisor that comes next; and what was acknowledged
// outlives SIGKILL. To be called again after a change of user, which undoes it (prctl(2)).
// Errors: kUnavailable, the supervisor is gone already.
Result<void> die_with(pid_t supervisor);

}  // namespace everpost::node
