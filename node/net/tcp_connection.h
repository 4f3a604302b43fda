// Connection over a TCP socket; see connection.h.
#pragma once

#include <memory>
#include <string>

#include "node/net/connection.h"
#include "node/net/read_buffer.h"
#include "node/net/timed_socket.h"
#include "node/net/tls_session.h"

namespace everpost::node {

class TcpConnection final : public Connection {
 public:
  TcpConnection(std::shared_ptr<TimedSocket> socket, asio::ip::address peer);
  ~TcpConnection() override;

  Task<std::string_view> read_line(std::size_t bytes_max, Deadline deadline, bool strict) override;
  Task<std::string_view> peek(Deadline deadline, std::size_t have) override;
  void consume(std::size_t bytes) override;
  Task<void> read_exactly(std::size_t bytes, std::string& to, Deadline deadline) override;
  void release_input() override { buffer_.shrink(); }
  bool has_input() const override;

  Task<void> write(std::string_view bytes, Deadline deadline) override;
  Task<void> write(std::span<const std::string_view> parts, Deadline deadline) override;

  Task<void> start_tls(TlsContext& context, Deadline deadline) override;
  bool tls() const override { return tls_ != nullptr; }
  std::string tls_description() const override;

  std::string peer_address() const override;
  bool peer_is_loopback() const override { return peer_.is_loopback(); }
  asio::any_io_executor executor() override { return socket_->socket().get_executor(); }
  Task<void> wait_input(Deadline deadline) override;
  Task<bool> wait_input_or(asio::steady_timer& wake, Deadline deadline) override;
  void close() override { socket_->close(); }
  Task<void> shut_down() override;

 private:
  using When = TimedSocket::When;

  Attempt receive(std::span<char> to);
  // Receives into the buffer, once, waiting for it if need be.
  Task<void> fill(When when);
  Task<void> write_plain(std::span<const std::string_view> parts, Deadline deadline);
  Task<void> write_tls(std::span<const std::string_view> parts, Deadline deadline);
  Task<void> write_piece(std::string_view bytes, Deadline deadline);

  std::shared_ptr<TimedSocket> socket_;
  asio::ip::address peer_;
  std::unique_ptr<TlsSession> tls_;
  ReadBuffer buffer_;
};

}  // namespace everpost::node
