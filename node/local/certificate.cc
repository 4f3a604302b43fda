#include "node/local/certificate.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "rpc/x509.h"

namespace everpost::local {
namespace {

using namespace rpc::x509;

constexpr std::chrono::days kGoodFor{365};
constexpr std::chrono::hours kBehind{1};

using File = std::unique_ptr<FILE, decltype(&fclose)>;

Result<Certificate> sign(EVP_PKEY* key, const std::string& hostname) {
  // The common name has 64 characters at most; clients look at the alternative names.
  ASSIGN_OR_RETURN(Certificate certificate, begin(key, hostname.substr(0, 64), kBehind, kGoodFor));
  X509* made = certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(made));
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  if (hostname != "localhost") names += ",DNS:" + hostname;
  if (!add(made, made, NID_subject_alt_name, names)) return openssl_error("names");
  if (!add(made, made, NID_basic_constraints, "critical,CA:TRUE"))
    return openssl_error("constraints");
  if (!add(made, made, NID_subject_key_identifier, "hash")) return openssl_error("key id");
  if (X509_sign(made, key, EVP_sha256()) == 0) return openssl_error("sign");
  return certificate;
}

Result<File> create(const std::string& path, mode_t mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return Error{ErrorCode::kIo, "create " + path + ": " + std::strerror(errno)};
  return File(::fdopen(fd, "w"), fclose);
}

}  // namespace

Result<void> make_certificate(const std::string& hostname, const std::string& certificate_file,
                              const std::string& key_file) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("key");
  ASSIGN_OR_RETURN(const Certificate certificate, sign(key.get(), hostname));
  ASSIGN_OR_RETURN(File to, create(key_file, 0600));
  if (PEM_write_PrivateKey(to.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      std::fflush(to.get()) != 0)
    return openssl_error("write the key");
  ASSIGN_OR_RETURN(to, create(certificate_file, 0644));
  if (PEM_write_X509(to.get(), certificate.get()) != 1 || std::fflush(to.get()) != 0)
    return openssl_error("write it");
  return {};
}

}  // namespace everpost::local
