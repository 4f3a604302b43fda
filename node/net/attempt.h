// What a non-blocking attempt to move bytes came to.
#pragma once

#include <cstddef>
#include <string>

namespace everpost::node {

struct Attempt {
  enum class State {
    kDone,       // `bytes` were moved, or the step is complete
    kWantRead,   // try again when the socket is readable
    kWantWrite,  // try again when it is writable
    kEnd,        // the peer has sent everything
    kFailed,     // `why`
  };
  State state{};
  std::size_t bytes = 0;
  std::string why;
};

}  // namespace everpost::node
