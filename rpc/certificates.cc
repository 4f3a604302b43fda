#include "rpc/certificates.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/bytes.h"
#include "rpc/x509.h"

namespace everpost::rpc {
namespace {

constexpr std::chrono::days kCaGoodFor{20 * 365};
constexpr std::chrono::hours kBehind{24};  // clocks of nodes

using namespace x509;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;

// Only its owner may read it, and what is there already stays.
Result<void> write_new(const std::string& path, BIO* content) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(content, &bytes);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return Error{errno == EEXIST ? ErrorCode::kAlreadyExists : ErrorCode::kIo,
                 "create " + path + ": " + std::strerror(errno)};
  const bool written =
      ::write(file, bytes, static_cast<std::size_t>(size)) == size && ::fsync(file) == 0;
  const int why = errno;
  if (::close(file) == 0 && written) return {};
  ::unlink(path.c_str());
  return Error{ErrorCode::kIo, "write " + path + ": " + std::strerror(why)};
}

Result<void> write(X509* certificate, EVP_PKEY* key, const CertificateFiles& to) {
  const Memory secret(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error("write the key");
  const Memory open(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(open.get(), certificate) != 1) return openssl_error("write");
  RETURN_IF_ERROR(write_new(to.key, secret.get()));
  auto written = write_new(to.certificate, open.get());
  if (!written) ::unlink(to.key.c_str());
  return written;
}

template <auto read, class T>
Result<T> load(const std::string& path) {
  const Memory file(BIO_new_file(path.c_str(), "r"));
  T loaded(file ? read(file.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!loaded) {
    ERR_clear_error();
    return Error{ErrorCode::kInvalidArgument, path + " cannot be read, or is no PEM file of ours"};
  }
  return loaded;
}

}  // namespace

std::string certificate_name(NodeId node) { return "node-" + to_string(node); }

Result<void> make_ca(const Uuid& cluster, const CertificateFiles& to) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("key");
  ASSIGN_OR_RETURN(const Certificate certificate,
                   begin(key.get(), "Everpost cluster " + hex(cluster), kBehind, kCaGoodFor));
  X509* made = certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(made));
  if (!add(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add(made, made, NID_subject_key_identifier, "hash"))
    return openssl_error("extensions");
  if (X509_sign(made, key.get(), EVP_sha256()) == 0) return openssl_error("sign");
  return write(made, key.get(), to);
}

Result<void> make_node_certificate(const CertificateFiles& ca, NodeId node,
                                   const CertificateFiles& to, std::chrono::days good_for) {
  ASSIGN_OR_RETURN(const Certificate issuer, load<PEM_read_bio_X509, Certificate>(ca.certificate));
  ASSIGN_OR_RETURN(const Key issuer_key, load<PEM_read_bio_PrivateKey, Key>(ca.key));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("key");
  const std::string name = certificate_name(node);
  ASSIGN_OR_RETURN(const Certificate certificate, begin(key.get(), name, kBehind, good_for));
  X509* made = certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(issuer.get()));
  if (!add(issuer.get(), made, NID_basic_constraints, "critical,CA:FALSE") ||
      !add(issuer.get(), made, NID_key_usage, "critical,digitalSignature") ||
      !add(issuer.get(), made, NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add(issuer.get(), made, NID_subject_alt_name, "DNS:" + name) ||
      !add(issuer.get(), made, NID_subject_key_identifier, "hash") ||
      !add(issuer.get(), made, NID_authority_key_identifier, "keyid"))
    return openssl_error("extensions");
  if (X509_sign(made, issuer_key.get(), EVP_sha256()) == 0) return openssl_error("sign");
  return write(made, key.get(), to);
}

}  // namespace everpost::rpc
