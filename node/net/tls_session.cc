#include "node/net/tls_session.h"

#include <cerrno>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>

namespace everpost::node {
namespace {

// OpenSSL's own socket BIO calls write(), which raises SIGPIPE when the peer is gone; this one asks
// the kernel not to.
int bio_write(BIO* bio, const char* from, int bytes) {
  auto& socket = *static_cast<TimedSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::string_view part(from, static_cast<std::size_t>(bytes));
  const Attempt sent = socket.send({&part, 1});
  if (sent.state == Attempt::State::kDone) return static_cast<int>(sent.bytes);
  if (sent.state == Attempt::State::kWantWrite) BIO_set_retry_write(bio);
  return -1;
}

int bio_read(BIO* bio, char* to, int bytes) {
  auto& socket = *static_cast<TimedSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const Attempt received = socket.receive({to, static_cast<std::size_t>(bytes)});
  if (received.state == Attempt::State::kDone) return static_cast<int>(received.bytes);
  if (received.state == Attempt::State::kWantRead) BIO_set_retry_read(bio);
  if (received.state != Attempt::State::kEnd) return -1;
  BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
      return 0;
  }
}

const BIO_METHOD* bio_method() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "everpost");
    if (!made) return made;
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

std::string reason() {
  const unsigned long code = ERR_get_error();
  if (const char* text = ERR_reason_error_string(code)) return text;
  return errno ? std::strerror(errno) : "unknown error";
}

}  // namespace

std::unique_ptr<TlsSession> TlsSession::create(std::shared_ptr<asio::ssl::context> context,
                                               TimedSocket& socket) {
  SSL* ssl = SSL_new(context->native_handle());
  if (!ssl) return nullptr;
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), ssl));
  const BIO_METHOD* method = bio_method();
  BIO* bio = method ? BIO_new(method) : nullptr;
  if (!bio) return nullptr;
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_accept_state(ssl);
  return session;
}

Attempt TlsSession::outcome(int returned, std::size_t bytes) const {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_NONE:
      return {Attempt::State::kDone, bytes, {}};
    case SSL_ERROR_WANT_READ:
      return {Attempt::State::kWantRead, 0, {}};
    case SSL_ERROR_WANT_WRITE:
      return {Attempt::State::kWantWrite, 0, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {Attempt::State::kEnd, 0, {}};
    default:
      return {Attempt::State::kFailed, 0, "TLS: " + reason()};
  }
}

Attempt TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  Attempt attempt = outcome(SSL_do_handshake(ssl_.get()), 0);
  broken_ = attempt.state == Attempt::State::kFailed;
  return attempt;
}

Attempt TlsSession::read(std::span<char> to) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t bytes = 0;
    const int returned = SSL_read_ex(ssl_.get(), to.data() + filled, to.size() - filled, &bytes);
    filled += bytes;
    if (returned == 1) continue;
    if (filled > 0) break;  // an error shows again with the next call
    Attempt attempt = outcome(returned, 0);
    broken_ = attempt.state == Attempt::State::kFailed;
    return attempt;
  }
  return {Attempt::State::kDone, filled, {}};
}

Attempt TlsSession::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t written = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  Attempt attempt = outcome(returned, written);
  broken_ = attempt.state == Attempt::State::kFailed;
  return attempt;
}

void TlsSession::send_close_notify() {
  if (broken_ || !SSL_is_init_finished(ssl_.get())) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

std::string TlsSession::description() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  return std::string(SSL_get_version(ssl_.get())) + " " +
         (cipher ? SSL_CIPHER_get_name(cipher) : "");
}

}  // namespace everpost::node
