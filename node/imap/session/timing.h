// How long a session waits for what, and how often it lets things go wrong. Tests use shorter
// times.
#pragma once

#include <chrono>

namespace everpost::node::imap {

struct Timing {
  std::chrono::milliseconds login = std::chrono::minutes{3};  // from connecting to being logged in
  std::chrono::milliseconds idle = std::chrono::minutes{31};  // RFC 3501 §5.4: at least 30
  std::chrono::milliseconds command = std::chrono::minutes{5};     // between two bytes of a command
  std::chrono::milliseconds keep_alive = std::chrono::minutes{2};  // in IDLE
  std::chrono::milliseconds search = std::chrono::seconds{20};     // until it says it is at it
  std::chrono::milliseconds memory = std::chrono::seconds{20};     // for a share of message memory
  std::chrono::milliseconds failed_login = std::chrono::seconds{1};  // after each
  std::chrono::milliseconds write_pause = std::chrono::seconds{1};   // between tries of a write
  unsigned write_tries = 3;  // of a write that may have happened; each has the shard's deadline
  unsigned failed_logins = 3;
  unsigned bad_commands = 20;              // in a row
  unsigned bad_commands_before_login = 3;  // a browser, or somebody who probes
};

}  // namespace everpost::node::imap
