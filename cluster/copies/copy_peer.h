// Carries a request about a copy to another node, and the answer back (copy_wire.h).
#pragma once

#include <string>

#include "base/asio.h"
#include "base/clock.h"
#include "base/ids.h"

namespace everpost::cluster {

class CopyPeer {
 public:
  virtual ~CopyPeer() = default;
  // Resumes on the caller's executor. Errors: the other node's, and the transport's.
  virtual Task<std::string> ask_copy(NodeId node, std::string request, Micros timeout) = 0;
};

}  // namespace everpost::cluster
