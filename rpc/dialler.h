// Makes connections to peers. They come from the address that this node listens at, unless that is
// a wildcard, so that a firewall, or whoever looks at connections, can tell nodes by their address.
#pragma once

#include <optional>
#include <sys/socket.h>

#include "base/capnp.h"
#include "rpc/wire.h"

namespace everpost::rpc {

class Dialler {
 public:
  // Of `listener`, which is bound.
  Dialler(kj::LowLevelAsyncIoProvider& io, kj::ConnectionReceiver& listener);

  // Where the own address cannot reach `to` (another family; the loopback to elsewhere), or a name
  // stands for several addresses, the system chooses where the connection comes from.
  kj::Promise<kj::Own<kj::AsyncIoStream>> connect(kj::NetworkAddress& to);

 private:
  kj::LowLevelAsyncIoProvider& io_;
  std::optional<sockaddr_storage> from_;  // with port 0
};

}  // namespace everpost::rpc
