// A throw-away certificate for tests: self-signed, for "localhost", in PEM files.
#pragma once

#include <filesystem>
#include <fstream>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string>

namespace everpost::node {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/everpost-test-XXXXXX";
    path_ = ::mkdtemp(name) ? name : "";
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }

 private:
  std::string path_;
};

struct TestCertificate {
  TemporaryFolder folder;
  std::string certificate = folder.file("cert.pem");
  std::string key = folder.file("key.pem");

  TestCertificate() {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, pair);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_sign(x509, pair, EVP_sha256());
    if (FILE* file = std::fopen(certificate.c_str(), "w")) {
      PEM_write_X509(file, x509);
      std::fclose(file);
    }
    if (FILE* file = std::fopen(key.c_str(), "w")) {
      PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
      std::fclose(file);
    }
    X509_free(x509);
    EVP_PKEY_free(pair);
  }
};

}  // namespace everpost::node
