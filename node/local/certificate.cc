#include "node/local/certificate.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace everpost::local {
namespace {

constexpr long kGoodForSeconds = 365L * 24 * 3600;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<FILE, decltype(&fclose)>;

Error openssl_error(const char* what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Error{ErrorCode::kInternal, std::string("make a certificate: ") + what + ": " + text};
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool set_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7F;  // positive (RFC 5280 §4.1.2.2)
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set =
      number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

Result<Certificate> sign(EVP_PKEY* key, const std::string& hostname) {
  Certificate certificate(X509_new(), X509_free);
  X509* x509 = certificate.get();
  if (!x509 || X509_set_version(x509, 2) != 1 || !set_serial(x509)) return openssl_error("serial");
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);  // for a clock that is a little behind
  X509_gmtime_adj(X509_getm_notAfter(x509), kGoodForSeconds);
  X509_set_pubkey(x509, key);
  X509_NAME* name = X509_get_subject_name(x509);
  // The common name has 64 characters at most; clients look at the alternative names.
  const std::string common = hostname.substr(0, 64);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  if (hostname != "localhost") names += ",DNS:" + hostname;
  if (!add_extension(x509, NID_subject_alt_name, names)) return openssl_error("names");
  if (!add_extension(x509, NID_basic_constraints, "critical,CA:TRUE"))
    return openssl_error("constraints");
  if (!add_extension(x509, NID_subject_key_identifier, "hash")) return openssl_error("key id");
  if (X509_sign(x509, key, EVP_sha256()) == 0) return openssl_error("sign");
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
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
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
