// The certificates nodes know each other by: a CA of the cluster's own signs one for each node, and
// the transport trusts nothing else. `everpost cluster init` makes them.
//
// The CA's key is needed for new nodes and renewals only, and is best kept away from the nodes.
#pragma once

#include <chrono>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace everpost::rpc {

// The name a node's certificate is for: "node-3".
std::string certificate_name(NodeId node);

// PEM files.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// Makes a CA for a cluster: P-256, good for 20 years; both files with mode 0600. The certificate is
// to be copied to every node. Errors: kAlreadyExists (nothing is overwritten), kIo, kInternal.
Result<void> make_ca(const Uuid& cluster, const CertificateFiles& to);

// Makes a node's key and its certificate, signed by `ca`, for both ends of a connection; both files
// with mode 0600. Errors: as make_ca(); kInvalidArgument if `ca` cannot be read.
Result<void> make_node_certificate(const CertificateFiles& ca, NodeId node,
                                   const CertificateFiles& to,
                                   std::chrono::days good_for = std::chrono::days{2 * 365});

}  // namespace everpost::rpc
