// Making a cluster, for `everpost cluster init` and `everpost local up`.
#pragma once

#include <string>

#include "cluster/found_cluster.h"

namespace everpost::cli {

// Its place in ZooKeeper; a CA, and a certificate for each node, in `certificates`: ca.pem, ca.key,
// node-N.pem, node-N.key. What is there is kept: it may be repeated. Returns the cluster's id.
// Errors: as found_cluster(), and kIo.
Result<Uuid> make_cluster(const cluster::Foundation& foundation, const std::string& certificates);

}  // namespace everpost::cli
