// The administrator's door: HTTP with JSON over a local socket, spoken by `everpost` (node/cli) and
// by programs. Whoever may open the socket may do everything: it has mode 0660 and belongs to the
// daemon's user and group. Routes and their JSON: node/admin/README.md.
#pragma once

#include <memory>
#include <string>

#include "base/asio.h"
#include "cluster/node.h"
#include "node/runtime/services.h"

namespace everpost::node {

class AdminServer {
 public:
  static constexpr std::size_t kConnectionsMax = 64;
  static constexpr std::size_t kRequestBytesMax = 1 << 20;

  // Listens on `path`; a socket that a dead daemon left there is replaced. What is passed outlives
  // this object. Errors: kAlreadyExists (another daemon answers there), kInvalidArgument (path too
  // long), kIo.
  static Result<std::unique_ptr<AdminServer>> listen(asio::any_io_executor executor,
                                                     const std::string& path, Services& services,
                                                     cluster::Node& node);
  // stop() must have returned, or start() not been called.
  ~AdminServer();

  void start();
  // Accepts no more, lets requests under way finish (up to 5 s), removes the socket.
  asio::awaitable<void> stop();

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace everpost::node
