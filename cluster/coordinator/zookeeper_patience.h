// Requests to ZooKeeper that block, for start-up and administration: they try again for a while.
#pragma once

#include <string>
#include <vector>

#include "cluster/coordinator/zookeeper_session.h"

namespace everpost::cluster {

constexpr std::chrono::seconds kZooKeeperPatience{10};

Result<Znode> get_patiently(ZooKeeperSession& session, const std::string& path);
Result<std::vector<std::string>> children_patiently(ZooKeeperSession& session,
                                                    const std::string& path);
// kAlreadyExists only if it has another value: an attempt whose answer was lost may have made it.
Result<void> create_patiently(ZooKeeperSession& session, const std::string& path,
                              const std::string& data);
// Once: kUnavailable means that nobody knows.
Result<void> write_and_wait(ZooKeeperSession& session, std::vector<ZnodeChange> changes);

}  // namespace everpost::cluster
