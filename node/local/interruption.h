// Ctrl-C while `up` works: what it has started is ended before it returns.
#pragma once

#include <csignal>

namespace everpost::local {

// While one lives SIGINT and SIGTERM do not end this process, but are remembered.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Whether there was one; false where none is looked for.
  static bool happened();

 private:
  struct sigaction int_before_{}, term_before_{};
};

}  // namespace everpost::local
