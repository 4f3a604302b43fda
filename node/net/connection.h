// One client's connection: plain TCP or TLS, read by lines or exact bytes, written whole. Every
// read has a deadline; every line a limit. Not thread-safe: one coroutine reads, the same one
// writes. An idle connection holds no buffers.
//
// When the server stops, read_line() and wait_input() fail with kUnavailable and wait_input_or()
// returns false where they would have had to wait between two commands: the session says goodbye
// (421, BYE) and ends.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/asio.h"
#include "node/net/tls.h"

namespace everpost::node {

class Connection {
 public:
  using Deadline = std::chrono::steady_clock::duration;  // from now on

  virtual ~Connection() = default;

  // The next line without its ending. Only CRLF ends a line when `strict`; otherwise LF does, too,
  // and a CR before it is cut. The view is valid until the next read. Errors: kTooLarge (the rest
  // of the line has been read and dropped, the connection is usable), kTimeout, kClosed,
  // kUnavailable (the server stops). Longer lines than 250 KiB are too large whatever `bytes_max`.
  virtual Task<std::string_view> read_line(std::size_t bytes_max, Deadline deadline,
                                           bool strict = false) = 0;
  // Waits until input is buffered (or more than `have` bytes are) and returns all that is, without
  // consuming it. The view is valid until the next read or consume. Up to 250 KiB are buffered:
  // with `have` above that, kTooLarge. Errors: kTimeout, kClosed.
  virtual Task<std::string_view> peek(Deadline deadline, std::size_t have = 0) = 0;
  virtual void consume(std::size_t bytes) = 0;
  // Exactly `bytes` bytes, appended to `to`; the deadline starts anew with each 256 KiB. After an
  // error (kTimeout, kClosed) `to` holds what came. Reserve what is sure to come.
  virtual Task<void> read_exactly(std::size_t bytes, std::string& to, Deadline deadline) = 0;
  // Before a wait for something else than the client: keeps no more memory than the buffered input
  // needs. Ends the validity of views of it.
  virtual void release_input() = 0;
  // Already buffered input, unread: is the client pipelining?
  virtual bool has_input() const = 0;

  // Writes everything; the deadline starts anew with each 256 KiB that the peer takes. Errors:
  // kTimeout, kClosed.
  virtual Task<void> write(std::string_view bytes, Deadline deadline = std::chrono::minutes{5}) = 0;
  virtual Task<void> write(std::span<const std::string_view> parts,
                           Deadline deadline = std::chrono::minutes{5}) = 0;

  // TLS from here on. Input that came before the handshake is dropped, so that nothing said in the
  // clear is taken for said under TLS (STARTTLS injection, CVE-2011-0411). After an error the
  // connection is of no use.
  virtual Task<void> start_tls(TlsContext& context, Deadline deadline) = 0;
  virtual bool tls() const = 0;
  // "TLSv1.3 TLS_AES_256_GCM_SHA384", for Received and log lines; empty without TLS.
  virtual std::string tls_description() const = 0;

  virtual std::string peer_address() const = 0;  // "192.0.2.1" or "2001:db8::1"
  virtual bool peer_is_loopback() const = 0;
  virtual asio::any_io_executor executor() = 0;
  // Waits, without consuming, for input: between commands. Errors: kClosed, kTimeout, kUnavailable
  // (the server stops).
  virtual Task<void> wait_input(Deadline deadline) = 0;
  // Waits, without consuming, for input or for `wake` being cancelled: IDLE. Returns true for
  // input, false when `wake` expired or was cancelled. Errors: kClosed, kTimeout (deadline).
  virtual Task<bool> wait_input_or(asio::steady_timer& wake, Deadline deadline) = 0;
  virtual void close() = 0;  // at once, from the connection's executor
  // Ends politely: close_notify under TLS, then waits up to 2 s for the peer to close, so that what
  // was written last is not lost to a reset; then closes.
  virtual Task<void> shut_down() = 0;
};

// Reaches a connection that a session owns, from outside the session: for the server's stop. Use it
// on the connection's executor only. Does nothing once the connection is gone.
class TimedSocket;
class ConnectionHandle {
 public:
  ConnectionHandle() = default;
  explicit ConnectionHandle(std::weak_ptr<TimedSocket> socket) : socket_(std::move(socket)) {}
  void stop_reading() const;  // between commands, as above
  void close() const;         // pending and later calls fail with kClosed

 private:
  std::weak_ptr<TimedSocket> socket_;
};

struct NewConnection {
  std::unique_ptr<Connection> connection;
  ConnectionHandle handle;
};
// Takes a connected socket, whose executor has to be one thread's or a strand. Sets TCP_NODELAY and
// keepalive. For implicit TLS call start_tls() first. Errors: kClosed (the peer has already left).
Result<NewConnection> make_connection(asio::ip::tcp::socket socket);

}  // namespace everpost::node
