// The listening sockets of all protocols. The supervisor keeps them open for as long as it lives,
// so that while no worker runs connections wait in the kernel and none is refused.
#pragma once

#include <map>
#include <string>

#include "node/runtime/config.h"
#include "node/runtime/descriptor.h"

namespace everpost::node {

class Listeners {
 public:
  Listeners() = default;
  // What the image before had open, by to_string(ListenAddress).
  explicit Listeners(const std::map<std::string, int>& inherited);

  // Binds what `config` names and is not bound yet, then closes what it does not name. After an
  // error all is as before. Errors: as of listen_on().
  Result<void> follow(const Config& config);
  // New connections are refused from now on, once the worker has closed its own as well.
  void close() { sockets_.clear(); }

  std::map<std::string, int> descriptors() const;
  // Whether they stay open when this process executes a program.
  void keep_over_exec(bool keep) const;

 private:
  std::map<std::string, Descriptor> sockets_;
};

}  // namespace everpost::node
