// What every certificate that this project makes is made of: those of a cluster's nodes
// (certificates.h) and that of a throw-away installation (node/local).
#pragma once

#include <chrono>
#include <memory>
#include <openssl/x509.h>
#include <string>

#include "base/result.h"

namespace everpost::rpc::x509 {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

// "make a certificate: <what>: <OpenSSL's newest error>"
Error openssl_error(const char* what);

// Version 3 with a random serial number, the subject's common name and the key, good from `behind`
// ago (for clocks that are behind) for `good_for` from now. Issuer, extensions and signature are
// still to be added.
Result<Certificate> begin(EVP_PKEY* key, const std::string& common_name,
                          std::chrono::seconds behind, std::chrono::days good_for);

// Adds the extension `kind` (NID_…), written as in OpenSSL's configuration. `issuer`: of the
// certificate; itself, if it signs itself.
bool add(X509* issuer, X509* certificate, int kind, const std::string& value);

}  // namespace everpost::rpc::x509
