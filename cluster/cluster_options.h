// How a node belongs to a cluster. In the configuration: [cluster] (docs/configuration.md).
#pragma once

#include <string>
#include <vector>

namespace everpost::cluster {

struct ClusterOptions {
  std::vector<std::string> zookeeper;  // "host:port"
  std::string root = "/everpost";      // the cluster's znodes
  std::string listen;                  // for other nodes: "10.0.0.3:7420"
  std::string advertise;               // what others dial; empty: as `listen`
  std::string zone;                    // what fails together: a rack, a room
  std::string ca, certificate, key;    // PEM files
};

}  // namespace everpost::cluster
