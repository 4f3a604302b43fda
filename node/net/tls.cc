#include "node/net/tls.h"

#include <cerrno>
#include <cstring>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace everpost::node {
namespace {

// TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325 §4.2); what TLS 1.3 has is
// all of that kind.
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL";

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  const char* text = ERR_reason_error_string(code);
  return text ? text : "unknown error";
}

Error bad_file(const char* key, const std::string& file, std::string what) {
  return {ErrorCode::kInvalidArgument,
          std::string("tls.") + key + " " + file + ": " + std::move(what)};
}

Result<std::shared_ptr<asio::ssl::context>> make_context(const std::string& certificate_file,
                                                         const std::string& key_file) {
  if (::access(certificate_file.c_str(), R_OK) != 0)
    return bad_file("certificate", certificate_file, std::strerror(errno));
  if (::access(key_file.c_str(), R_OK) != 0) return bad_file("key", key_file, std::strerror(errno));

  ERR_clear_error();
  std::shared_ptr<asio::ssl::context> context;
  try {
    context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::kInternal, std::string("OpenSSL: ") + failure.what()};
  }
  SSL_CTX* ctx = context->native_handle();
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);  // RFC 8314 §4.1
  SSL_CTX_set_cipher_list(ctx, kCiphers);
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Clients resume with tickets, which they keep; a cache here would grow with their number.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(ctx, 1);

  if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file.c_str()) != 1)
    return bad_file("certificate", certificate_file,
                    "not a certificate chain in PEM: " + openssl_reason());
  // A key with a passphrase would ask for it on the terminal.
  SSL_CTX_set_default_passwd_cb(ctx, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_file("key", key_file,
                    "not an unencrypted private key in PEM, or not the "
                    "certificate's: " +
                        openssl_reason());
  if (SSL_CTX_check_private_key(ctx) != 1)
    return bad_file("key", key_file, "is not the key of " + certificate_file);
  return context;
}

}  // namespace

TlsContext::TlsContext(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate_file,
                                                     const std::string& key_file) {
  std::unique_ptr<TlsContext> tls(new TlsContext(certificate_file, key_file));
  RETURN_IF_ERROR(tls->reload());
  return tls;
}

Result<void> TlsContext::reload() {
  ASSIGN_OR_RETURN(auto context, make_context(certificate_file_, key_file_));
  const std::lock_guard lock(mutex_);
  current_ = std::move(context);
  return {};
}

std::shared_ptr<asio::ssl::context> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace everpost::node
