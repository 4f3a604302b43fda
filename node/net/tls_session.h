// The server's side of one TLS session over a non-blocking socket. OpenSSL reads and writes the
// socket directly: there are no buffers of ours in between, and an idle session keeps none of
// OpenSSL's (SSL_MODE_RELEASE_BUFFERS).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <openssl/ssl.h>
#include <span>
#include <string>
#include <string_view>

#include "node/net/attempt.h"
#include "node/net/timed_socket.h"

namespace everpost::node {

class TlsSession {
 public:
  // `socket` outlives the session. Null when OpenSSL is out of memory.
  static std::unique_ptr<TlsSession> create(std::shared_ptr<asio::ssl::context> context,
                                            TimedSocket& socket);

  // Each is tried again after kWantRead or kWantWrite. Only one may be under way.
  Attempt handshake();
  Attempt read(std::span<char> to);       // fills `to` as far as there is input
  Attempt write(std::string_view bytes);  // a part of them, at least one byte
  void send_close_notify();               // if it can be sent at once

  bool has_input() const { return SSL_pending(ssl_.get()) > 0; }
  std::string description() const;

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsSession(std::shared_ptr<asio::ssl::context> context, SSL* ssl)
      : context_(std::move(context)), ssl_(ssl) {}
  Attempt outcome(int returned, std::size_t bytes) const;

  std::shared_ptr<asio::ssl::context> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool broken_ = false;  // after a fatal error OpenSSL must not be called to shut down
};

}  // namespace everpost::node
