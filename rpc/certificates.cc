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
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/bytes.h"

namespace everpost::rpc {
namespace {

constexpr std::chrono::days kCaGoodFor{20 * 365};

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;

Error openssl_error(const char* what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return Error{ErrorCode::kInternal, std::string("make a certificate: ") + what + ": " + text};
}

bool add(X509* issuer, X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7F;  // positive (RFC 5280 §4.1.2.2)
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  return set;
}

bool set_name(X509* certificate, const std::string& name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                    0) == 1;
}

// Everything but extensions and signature.
Result<Certificate> begin(EVP_PKEY* key, const std::string& name, std::chrono::days good_for) {
  Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  if (!x509 || X509_set_version(x509, 2) != 1 || !set_serial(x509)) return openssl_error("serial");
  X509_gmtime_adj(X509_getm_notBefore(x509), -24 * 3600);  // for clocks that are behind
  X509_time_adj_ex(X509_getm_notAfter(x509), static_cast<int>(good_for.count()), 0, nullptr);
  if (X509_set_pubkey(x509, key) != 1 || !set_name(x509, name)) return openssl_error("name");
  return certificate;
}

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
                   begin(key.get(), "Everpost cluster " + hex(cluster), kCaGoodFor));
  X509* x509 = certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  if (!add(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add(x509, x509, NID_subject_key_identifier, "hash"))
    return openssl_error("extensions");
  if (X509_sign(x509, key.get(), EVP_sha256()) == 0) return openssl_error("sign");
  return write(x509, key.get(), to);
}

Result<void> make_node_certificate(const CertificateFiles& ca, NodeId node,
                                   const CertificateFiles& to, std::chrono::days good_for) {
  ASSIGN_OR_RETURN(const Certificate issuer, load<PEM_read_bio_X509, Certificate>(ca.certificate));
  ASSIGN_OR_RETURN(const Key issuer_key, load<PEM_read_bio_PrivateKey, Key>(ca.key));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("key");
  const std::string name = certificate_name(node);
  ASSIGN_OR_RETURN(const Certificate certificate, begin(key.get(), name, good_for));
  X509* x509 = certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(issuer.get()));
  if (!add(issuer.get(), x509, NID_basic_constraints, "critical,CA:FALSE") ||
      !add(issuer.get(), x509, NID_key_usage, "critical,digitalSignature") ||
      !add(issuer.get(), x509, NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add(issuer.get(), x509, NID_subject_alt_name, "DNS:" + name) ||
      !add(issuer.get(), x509, NID_subject_key_identifier, "hash") ||
      !add(issuer.get(), x509, NID_authority_key_identifier, "keyid"))
    return openssl_error("extensions");
  if (X509_sign(x509, issuer_key.get(), EVP_sha256()) == 0) return openssl_error("sign");
  return write(x509, key.get(), to);
}

}  // namespace everpost::rpc
