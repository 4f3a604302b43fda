// A private ensemble of ZooKeeper servers for a test: Java processes on loopback ports, their files
// in a temporary folder. Servers can be killed, frozen, started again, and set back to an older
// state. Nothing is left behind: the kernel kills the servers when the test ends in whatever way,
// and a process that only waits for that removes the folder.
//
// Made and used by the test's main thread (the kernel ties the servers' lives to the thread that
// started them).
#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

#include "cluster/coordinator/zookeeper_server.h"

namespace everpost::test {

class Ensemble {
 public:
  // Starts 1 or 3 servers and waits until all of them serve. Throws std::runtime_error.
  explicit Ensemble(int servers);
  ~Ensemble();
  Ensemble(const Ensemble&) = delete;
  Ensemble& operator=(const Ensemble&) = delete;

  int size() const { return static_cast<int>(processes_.size()); }
  // Of all servers, or those from 0 to size() - 1.
  std::vector<std::string> addresses() const;
  std::string address(int server) const { return at(server).server.address(); }

  void kill(int server);    // SIGKILL
  void start(int server);   // again
  void freeze(int server);  // SIGSTOP
  void thaw(int server);
  void kill_all();
  void start_all();

  int leader() const;         // 0 if there is but one; throws if there is none in time
  int follower() const;       // one of them
  void wait_until_serving();  // those that are running. Throws after half a minute

  // Copies the data of a server that is not running, and puts it back.
  void save(int server, const std::string& name) const;
  void restore(int server, const std::string& name) const;

 private:
  struct Process {
    cluster::ZooKeeperServer server;
    pid_t pid = 0;  // 0: not running
    bool frozen = false;
  };
  const Process& at(int server) const { return processes_.at(static_cast<std::size_t>(server)); }
  Process& at(int server) { return processes_.at(static_cast<std::size_t>(server)); }
  void run(Process& process);

  std::string folder_;
  int remover_ = -1;  // a pipe to who removes the folder
  std::vector<Process> processes_;
};

}  // namespace everpost::test
