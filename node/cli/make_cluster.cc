#include "node/cli/make_cluster.h"

#include <filesystem>

#include "rpc/certificates.h"

namespace everpost::cli {
namespace {

namespace fs = std::filesystem;

Result<void> make_certificates(const Uuid& cluster, const std::vector<NodeId>& nodes,
                               const std::string& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return Error{ErrorCode::kIo, "make " + folder + ": " + failure.message()};
  fs::permissions(folder, fs::perms::owner_all, failure);
  const auto files = [&](const std::string& name) {
    return rpc::CertificateFiles{folder + "/" + name + ".pem", folder + "/" + name + ".key"};
  };
  const auto kept = [](const Result<void>& made) {
    return !made && made.error().code == ErrorCode::kAlreadyExists;
  };
  if (auto made = rpc::make_ca(cluster, files("ca")); !made && !kept(made)) return made;
  for (const NodeId node : nodes) {
    auto made = rpc::make_node_certificate(files("ca"), node, files("node-" + to_string(node)));
    if (!made && !kept(made)) return made;
  }
  return {};
}

}  // namespace

Result<Uuid> make_cluster(const cluster::Foundation& foundation, const std::string& certificates) {
  ASSIGN_OR_RETURN(const Uuid id, cluster::found_cluster(foundation));
  RETURN_IF_ERROR(make_certificates(id, foundation.nodes, certificates));
  return id;
}

}  // namespace everpost::cli
