#include "rpc/x509.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace everpost::rpc::x509 {
namespace {

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

}  // namespace

Error openssl_error(const char* what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return Error{ErrorCode::kInternal, std::string("make a certificate: ") + what + ": " + text};
}

Result<Certificate> begin(EVP_PKEY* key, const std::string& common_name,
                          std::chrono::seconds behind, std::chrono::days good_for) {
  Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  if (!x509 || X509_set_version(x509, 2) != 1 || !set_serial(x509)) return openssl_error("serial");
  X509_gmtime_adj(X509_getm_notBefore(x509), -static_cast<long>(behind.count()));
  X509_time_adj_ex(X509_getm_notAfter(x509), static_cast<int>(good_for.count()), 0, nullptr);
  if (X509_set_pubkey(x509, key) != 1 || !set_name(x509, common_name)) return openssl_error("name");
  return certificate;
}

bool add(X509* issuer, X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

}  // namespace everpost::rpc::x509
