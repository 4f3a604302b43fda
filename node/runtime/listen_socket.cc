#include "node/runtime/listen_socket.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/asio.h"

namespace everpost::node {
namespace {

const char* remedy(int error) {
  if (error == EADDRINUSE)
    return "; stop what listens there (ss -ltnp shows it), or choose another port";
  if (error == EACCES) return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
  if (error == EADDRNOTAVAIL) return "; this machine has no such address (ip address shows them)";
  return "";
}

Error failed(Protocol protocol, const ListenAddress& address, int error) {
  return {error == EADDRINUSE ? ErrorCode::kBusy : ErrorCode::kInvalidArgument,
          "listen." + std::string(to_string(protocol)) + ": " + to_string(address) + ": " +
              std::strerror(error) + remedy(error)};
}

}  // namespace

std::string to_string(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<Descriptor> listen_on(Protocol protocol, const ListenAddress& address) {
  error_code unreadable;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.host, unreadable),
                                         address.port);
  if (unreadable) return failed(protocol, address, EINVAL);
  Descriptor socket(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed(protocol, address, errno);
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // So that "[::]:25" and "0.0.0.0:25" go together.
  if (endpoint.address().is_v6())
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0)
    return failed(protocol, address, errno);
  return socket;
}

bool listens_at(int fd, const std::string& address) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens) return false;
  asio::ip::tcp::endpoint endpoint;
  size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(fd, endpoint.data(), &size) != 0) return false;
  endpoint.resize(size);
  return to_string({endpoint.address().to_string(), endpoint.port()}) == address;
}

}  // namespace everpost::node
