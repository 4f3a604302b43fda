// SHA-256 over pieces: a message's GUID (base/ids.h).
#pragma once

#include <cstring>
#include <memory>
#include <openssl/evp.h>
#include <string_view>

#include "base/ids.h"
#include "base/invariant.h"

namespace everpost::node::imap {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    // Fetched once: OpenSSL 3 otherwise looks the algorithm up at each use.
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    INVARIANT(algorithm && context_ && EVP_DigestInit_ex2(context_.get(), algorithm, nullptr) == 1,
              "OpenSSL computes SHA-256");
  }
  void add(std::string_view bytes) {
    INVARIANT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1,
              "OpenSSL computes SHA-256");
  }
  Guid guid() {  // once, at the end
    unsigned char digest[EVP_MAX_MD_SIZE];
    INVARIANT(EVP_DigestFinal_ex(context_.get(), digest, nullptr) == 1, "OpenSSL computes SHA-256");
    Guid guid;
    std::memcpy(guid.data(), digest, guid.size());
    return guid;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace everpost::node::imap
