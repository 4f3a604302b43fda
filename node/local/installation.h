// A throw-away installation: a folder with everything that its nodes have, and local.json, which
// says what runs.
//
//   DIR/local.json              state; its presence says that the folder is ours
//   DIR/node1/everpost.toml     configuration, written by `up`
//   DIR/node1/{cert,key}.pem    certificate, signed by itself
//   DIR/node1/everpostd.log     what the daemon says
//   DIR/node1/admin.sock        its administration socket
//   DIR/node1/data/             its mail
//
// and if it is a cluster
//
//   DIR/zookeeper1/             a ZooKeeper server: zoo.cfg, data/, log
//   DIR/certificates/           the cluster's CA and its nodes' certificates
//   DIR/network.sock, .log      the process that the nodes' connections go through (forwarder.h)
//
// One `everpost local` at a time works on a folder: open() takes a lock and keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/coordinator/zookeeper_server.h"
#include "node/local/process.h"

namespace everpost::local {

// The protocols by the name that they have in a configuration, with the port of each.
using Ports = std::map<std::string, std::uint16_t>;

// What runs: a node, a ZooKeeper server, or the network.
struct Daemon {
  std::string name;                // for people: "node 1"
  std::optional<Process> process;  // as last started; it may be gone
};
struct LocalNode : Daemon {
  explicit LocalNode(unsigned number) : Daemon{"node " + std::to_string(number), {}}, id(number) {}
  unsigned id;
  Ports ports;
};
struct LocalZooKeeper : Daemon {
  explicit LocalZooKeeper(unsigned number)
      : Daemon{"zookeeper " + std::to_string(number), {}}, id(number) {}
  unsigned id;
};

class Installation {
 public:
  static constexpr unsigned kNodesMax = 9;
  static constexpr unsigned kBasePortMin = 1024, kBasePortMax = 65535 - 993;
  // Of a cluster with so many nodes: below the ports that the kernel gives to connections, of which
  // one might have the port of a node that is down.
  static constexpr unsigned base_port_max(unsigned nodes) {
    return 32767 - 993 - 1000 * (nodes - 1);
  }

  // The folder, which has to be one of ours. Errors: kNotFound (no installation there), kBusy
  // (another `everpost local` works on it), kCorrupt, kIo.
  static Result<Installation> open(const std::string& folder);
  // What it was when it was last saved, without a lock. Errors: as open(), without kBusy.
  static Result<Installation> look(const std::string& folder);
  // As open(), or a new one in a folder that is empty or does not exist yet. Errors: as open(), and
  // kAlreadyExists (something else is in the folder).
  static Result<Installation> open_or_make(const std::string& folder);

  // Port numbers of node `id`: the usual ones, moved up.
  static Ports ports_of(unsigned id, unsigned base_port);

  // Of a cluster: where node `id` listens for others, on an address of its own, 127.0.1.ID; where
  // the network takes connections to it; and those of it to a ZooKeeper server.
  std::string cluster_address(unsigned id) const;
  std::uint16_t cluster_port(unsigned id) const { return port(id, 420); }
  std::uint16_t network_port(unsigned id) const { return port(id, 421); }
  std::uint16_t network_port(unsigned id, unsigned zookeeper) const {
    return port(id, 430 + zookeeper);
  }
  cluster::ZooKeeperServer server(unsigned id) const;

  Result<void> save() const;
  // Removes what is ours, and the folder if nothing else is in it. Nothing may run.
  Result<void> remove();

  const std::string& folder() const { return folder_; }
  bool is_cluster() const { return !zookeepers.empty(); }
  std::string node_folder(unsigned id) const;
  std::string certificates() const { return folder_ + "/certificates"; }
  std::string network_socket() const { return folder_ + "/network.sock"; }
  std::string network_log() const { return folder_ + "/network.log"; }
  std::string socket(unsigned id) const { return node_folder(id) + "/admin.sock"; }
  std::string log_file(unsigned id) const { return node_folder(id) + "/everpostd.log"; }
  LocalNode* node(unsigned id);

  // All of a kind of daemon, or one: "2", "zookeeper1", "zookeeper" (all). Errors: kNotFound.
  Result<std::vector<Daemon*>> find(const std::string& name);

  std::string domain;
  unsigned base_port = 0;
  std::vector<LocalNode> nodes;
  std::vector<LocalZooKeeper> zookeepers;  // none: a single node, without a cluster
  Daemon network{"the network between the nodes", {}};

 private:
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Lock();

   private:
    int fd_;
  };

  Installation(std::string folder, Lock lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}
  static Result<Lock> lock(const std::string& folder);
  Result<void> load();
  std::uint16_t port(unsigned id, unsigned usual) const {
    return static_cast<std::uint16_t>(base_port + 1000 * (id - 1) + usual);
  }

  std::string folder_;
  Lock lock_;
};

}  // namespace everpost::local
