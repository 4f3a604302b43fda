#include "rpc/certificates.h"

#include <sys/stat.h>

#include "tests/unit/rpc/nodes.h"

namespace everpost::rpc {
namespace {

TEST(Certificates, AreReadableByTheirOwnerOnly) {
  const Authority authority;
  const CertificateFiles node = authority.node(NodeId{3});
  for (const std::string& file :
       {authority.ca().certificate, authority.ca().key, node.certificate, node.key}) {
    struct stat found{};
    ASSERT_EQ(::stat(file.c_str(), &found), 0) << file;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << file;
  }
}

TEST(Certificates, AreNotOverwritten) {
  const Authority authority;
  EXPECT_EQ(make_ca(authority.cluster, authority.ca()).error().code, ErrorCode::kAlreadyExists);
  const CertificateFiles node = authority.node(NodeId{3});
  EXPECT_EQ(make_node_certificate(authority.ca(), NodeId{3}, node).error().code,
            ErrorCode::kAlreadyExists);
}

TEST(Certificates, NeedTheCa) {
  const Folder folder;
  EXPECT_EQ(make_node_certificate({folder.file("ca.pem"), folder.file("ca.key")}, NodeId{3},
                                  {folder.file("n.pem"), folder.file("n.key")})
                .error()
                .code,
            ErrorCode::kInvalidArgument);
}

TEST(Certificates, NameTheirNode) { EXPECT_EQ(certificate_name(NodeId{12}), "node-12"); }

}  // namespace
}  // namespace everpost::rpc
