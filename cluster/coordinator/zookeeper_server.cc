#include "cluster/coordinator/zookeeper_server.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace everpost::cluster {
namespace {

constexpr const char* kJar = "/usr/share/java/zookeeper.jar";
constexpr const char* kLogJar = "/usr/share/java/slf4j-simple.jar";

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  return false;
}

Result<void> write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return Error{ErrorCode::kIo, "cannot write " + path};
  return {};
}

}  // namespace

// tickTime and syncLimit are short, so that the loss of the leader is noticed within a second
// (H55). initLimit is long: on a busy machine a Java process may take its time to start.
Result<void> prepare(const ZooKeeperServer& server, const std::vector<ZooKeeperServer>& ensemble) {
  std::error_code error;
  std::filesystem::create_directories(server.folder + "/data", error);
  if (error) return Error{ErrorCode::kIo, server.folder + ": " + error.message()};
  std::string config =
      "tickTime=250\ninitLimit=40\nsyncLimit=4\nminSessionTimeout=500\nmaxSessionTimeout=20000\n"
      "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n"
      "4lw.commands.whitelist=srvr\n"
      "autopurge.snapRetainCount=3\nautopurge.purgeInterval=1\n"
      "dataDir=" +
      server.folder + "/data\nclientPort=" + std::to_string(server.client_port) + "\n";
  if (ensemble.size() > 1)
    for (const ZooKeeperServer& one : ensemble)
      config += "server." + std::to_string(one.id) +
                "=127.0.0.1:" + std::to_string(one.quorum_port) + ":" +
                std::to_string(one.election_port) + "\n";
  RETURN_IF_ERROR(write(server.folder + "/zoo.cfg", config));
  return write(server.folder + "/data/myid", std::to_string(server.id) + "\n");
}

Result<void> check_installed() {
  std::string missing;
  if (!on_path("java")) missing += " default-jre-headless";
  if (::access(kJar, R_OK) != 0) missing += " libzookeeper-java";
  if (::access(kLogJar, R_OK) != 0) missing += " libslf4j-java";
  if (missing.empty()) return {};
  return Error{ErrorCode::kNotFound,
               "ZooKeeper's server cannot be started; install what is missing with: apt-get "
               "install" +
                   missing};
}

std::vector<std::string> command(const ZooKeeperServer& server) {
  // Small and quick to start: it holds kilobytes, and others need the processor.
  return {"java",
          "-Xms32m",
          "-Xmx128m",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Xshare:auto",
          "-XX:+ExitOnOutOfMemoryError",
          "-Djava.net.preferIPv4Stack=true",
          "-Dzookeeper.jmx.log4j.disable=true",
          "-Dorg.slf4j.simpleLogger.showDateTime=true",
          "-cp",
          std::string(kJar) + ":" + kLogJar,
          "org.apache.zookeeper.server.quorum.QuorumPeerMain",
          server.folder + "/zoo.cfg"};
}

std::string mode_of(const ZooKeeperServer& server, std::chrono::milliseconds limit) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return {};
  const timeval patience{static_cast<time_t>(limit.count() / 1000),
                         static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
  (void)::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.client_port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string said;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(socket, "srvr", 4, MSG_NOSIGNAL) == 4) {
    char buffer[1024];
    for (ssize_t got = 0; (got = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
      said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(socket);
  const auto at = said.find("Mode: ");
  if (at == std::string::npos) return {};
  return said.substr(at + 6, said.find('\n', at) - at - 6);
}

}  // namespace everpost::cluster
