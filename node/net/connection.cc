#include "node/net/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "node/net/tcp_connection.h"
#include "node/net/timed_socket.h"

namespace everpost::node {
namespace {

void set(int socket, int level, int option, int value) {
  // Each is an improvement, not a condition: a socket that refuses one still works.
  ::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

void ConnectionHandle::stop_reading() const {
  if (const auto socket = socket_.lock()) socket->stop_reading();
}

void ConnectionHandle::close() const {
  if (const auto socket = socket_.lock()) socket->close();
}

Result<NewConnection> make_connection(asio::ip::tcp::socket socket) {
  error_code failure;
  const auto peer = socket.remote_endpoint(failure);
  if (!failure) socket.non_blocking(true, failure);
  if (failure) return Error{ErrorCode::kClosed, failure.message()};

  const int fd = socket.native_handle();
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // Finds peers that vanished, within 5 minutes and without the session's help.
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 180);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 30);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);

  asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  auto timed = std::make_shared<TimedSocket>(std::move(socket));
  ConnectionHandle handle(timed);
  return NewConnection{std::make_unique<TcpConnection>(std::move(timed), address),
                       std::move(handle)};
}

}  // namespace everpost::node
