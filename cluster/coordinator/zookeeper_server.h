// How this project runs ZooKeeper servers of its own: as plain Java processes on the loopback, each
// with its files in one folder. For tests and `everpost local`; a cluster's ensemble belongs to its
// administrator. The server is Debian's libzookeeper-java (tools/deps).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace everpost::cluster {

struct ZooKeeperServer {
  int id = 1;          // 1 or more, another one for each server
  std::string folder;  // zoo.cfg, data/, log
  std::uint16_t client_port = 0, quorum_port = 0, election_port = 0;

  std::string address() const { return "127.0.0.1:" + std::to_string(client_port); }
};

// Makes the server's folder and what the server reads in it. `ensemble`: all servers, this one as
// well. Sessions of half a second to twenty are possible. Errors: kIo.
Result<void> prepare(const ZooKeeperServer& server, const std::vector<ZooKeeperServer>& ensemble);

// Errors: kNotFound, naming the Debian packages that are missing.
Result<void> check_installed();

// The program and its arguments. It stays in the foreground, and writes its log to stderr.
std::vector<std::string> command(const ZooKeeperServer& server);

// "leader", "follower", "standalone"; empty: it does not serve (yet). Asks over TCP.
std::string mode_of(const ZooKeeperServer& server,
                    std::chrono::milliseconds limit = std::chrono::milliseconds{500});

}  // namespace everpost::cluster
