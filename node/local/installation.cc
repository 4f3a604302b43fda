#include "node/local/installation.h"

#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace everpost::local {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int kFormat = 1;
constexpr std::chrono::seconds kLockMax{60};

std::string state_file(const std::string& folder) { return folder + "/local.json"; }

Error io(const std::string& what, const std::string& path, const std::error_code& error) {
  return Error{ErrorCode::kIo, what + " " + path + ": " + error.message()};
}

void write(const Daemon& daemon, json::object& to) {
  if (daemon.process)
    to["process"] = {{"pid", daemon.process->pid},
                     {"start_ticks", daemon.process->start_ticks},
                     {"boot_id", daemon.process->boot_id}};
}

json::object to_json(const LocalNode& node) {
  json::object object{{"id", node.id}};
  json::object& ports = object["ports"].emplace_object();
  for (const auto& [protocol, port] : node.ports) ports[protocol] = port;
  write(node, object);
  return object;
}

// These throw boost::system::system_error or std::exception if the state is not what save() writes.
void read(const json::object& object, Daemon& daemon) {
  if (const json::value* process = object.if_contains("process"))
    daemon.process = Process{process->at("pid").to_number<pid_t>(),
                             process->at("start_ticks").to_number<std::uint64_t>(),
                             std::string(process->at("boot_id").as_string())};
}

LocalNode to_node(const json::object& object) {
  LocalNode node(object.at("id").to_number<unsigned>());
  for (const auto& port : object.at("ports").as_object())
    node.ports[std::string(port.key())] = port.value().to_number<std::uint16_t>();
  read(object, node);
  return node;
}

}  // namespace

Installation::Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Installation::Lock> Installation::lock(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return Error{errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 folder + ": " + std::strerror(errno)};
  Lock lock(fd);
  const auto until = std::chrono::steady_clock::now() + kLockMax;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return Error{ErrorCode::kIo, "lock " + folder + ": " + std::strerror(errno)};
    if (std::chrono::steady_clock::now() > until)
      return Error{ErrorCode::kBusy, folder + ": another `everpost local` works on it"};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return lock;
}

Result<Installation> Installation::open(const std::string& folder) {
  std::error_code error;
  const std::string path = fs::absolute(folder, error).lexically_normal().string();
  if (!fs::exists(state_file(path), error))
    return Error{ErrorCode::kNotFound, path + ": no installation is there (no local.json)"};
  ASSIGN_OR_RETURN(Lock held, lock(path));
  Installation installation(path, std::move(held));
  RETURN_IF_ERROR(installation.load());
  return installation;
}

Result<Installation> Installation::look(const std::string& folder) {
  std::error_code error;
  const std::string path = fs::absolute(folder, error).lexically_normal().string();
  if (!fs::exists(state_file(path), error))
    return Error{ErrorCode::kNotFound, path + ": no installation is there (no local.json)"};
  Installation installation(path, Lock(-1));
  RETURN_IF_ERROR(installation.load());
  return installation;
}

Result<Installation> Installation::open_or_make(const std::string& folder) {
  std::error_code error;
  const std::string path = fs::absolute(folder, error).lexically_normal().string();
  fs::create_directories(path, error);
  if (error) return io("make", path, error);
  ASSIGN_OR_RETURN(Lock held, lock(path));
  Installation installation(path, std::move(held));
  if (fs::exists(state_file(path), error)) {
    RETURN_IF_ERROR(installation.load());
    return installation;
  }
  if (!fs::is_empty(path, error) || error)
    return Error{ErrorCode::kAlreadyExists,
                 path + ": the folder is not empty, and what is in it is no installation of ours"};
  return installation;
}

Ports Installation::ports_of(unsigned id, unsigned base_port) {
  const auto port = [start = base_port + 1000 * (id - 1)](unsigned usual) {
    return static_cast<std::uint16_t>(start + usual);
  };
  return {{"smtp", port(25)},  {"submission", port(587)}, {"submissions", port(465)},
          {"lmtp", port(24)},  {"imap", port(143)},       {"imaps", port(993)},
          {"pop3", port(110)},  // reserved: nothing listens there until POP3 is built
          {"http", port(80)}};
}

Result<void> Installation::load() {
  std::ifstream file(state_file(folder_));
  std::stringstream text;
  text << file.rdbuf();
  try {
    const json::object state = json::parse(text.str()).as_object();
    if (state.at("format").to_number<int>() != kFormat)
      return Error{ErrorCode::kUnsupported,
                   state_file(folder_) + " was written by another version of everpost"};
    domain = std::string(state.at("domain").as_string());
    for (const json::value& node : state.at("nodes").as_array())
      nodes.push_back(to_node(node.as_object()));
    if (const json::value* port = state.if_contains("base_port"))
      base_port = port->to_number<unsigned>();
    if (const json::value* list = state.if_contains("zookeepers"))
      for (const json::value& server : list->as_array()) {
        LocalZooKeeper zookeeper(server.at("id").to_number<unsigned>());
        read(server.as_object(), zookeeper);
        zookeepers.push_back(std::move(zookeeper));
      }
    if (const json::value* process = state.if_contains("network"))
      read(process->as_object(), network);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::kCorrupt, state_file(folder_) + ": " + failure.what()};
  }
  return {};
}

Result<void> Installation::save() const {
  json::object state{{"format", kFormat}, {"domain", domain}, {"base_port", base_port}};
  json::array& list = state["nodes"].emplace_array();
  for (const LocalNode& node : nodes) list.push_back(to_json(node));
  if (is_cluster()) {
    json::array& servers = state["zookeepers"].emplace_array();
    for (const LocalZooKeeper& zookeeper : zookeepers) {
      json::object server{{"id", zookeeper.id}};
      write(zookeeper, server);
      servers.push_back(std::move(server));
    }
    write(network, state["network"].emplace_object());
  }
  const std::string path = state_file(folder_);
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << json::serialize(state) << "\n";
  file.close();
  if (!file) return Error{ErrorCode::kIo, "write " + fresh};
  std::error_code error;
  fs::rename(fresh, path, error);
  if (error) return io("rename", fresh, error);
  return {};
}

Result<void> Installation::remove() {
  std::vector<std::string> ours;
  for (const LocalNode& node : nodes) ours.push_back(node_folder(node.id));
  for (const LocalZooKeeper& zookeeper : zookeepers) ours.push_back(server(zookeeper.id).folder);
  if (is_cluster()) {
    ours.push_back(certificates());
    ours.push_back(network_socket());
    ours.push_back(network_log());
  }
  ours.push_back(state_file(folder_));
  std::error_code error;
  for (const std::string& path : ours) {
    fs::remove_all(path, error);
    if (error) return io("remove", path, error);
  }
  fs::remove(folder_, error);  // only if it is empty
  return {};
}

std::string Installation::node_folder(unsigned id) const {
  return folder_ + "/node" + std::to_string(id);
}

std::string Installation::cluster_address(unsigned id) const {
  return "127.0.1." + std::to_string(id);
}

cluster::ZooKeeperServer Installation::server(unsigned id) const {
  cluster::ZooKeeperServer server;
  server.id = static_cast<int>(id);
  server.folder = folder_ + "/zookeeper" + std::to_string(id);
  server.client_port = port(id, 218);
  server.quorum_port = port(id, 288);
  server.election_port = port(id, 388);
  return server;
}

Result<std::vector<Daemon*>> Installation::find(const std::string& name) {
  std::vector<Daemon*> found;
  for (LocalNode& node : nodes)
    if (name == std::to_string(node.id)) found.push_back(&node);
  for (LocalZooKeeper& zookeeper : zookeepers)
    if (name == "zookeeper" || name == "zookeeper" + std::to_string(zookeeper.id))
      found.push_back(&zookeeper);
  if (found.empty())
    return Error{ErrorCode::kNotFound, folder_ + ": there is no " +
                                           (name.starts_with("zookeeper") ? "" : "node ") + name};
  return found;
}

LocalNode* Installation::node(unsigned id) {
  for (LocalNode& node : nodes)
    if (node.id == id) return &node;
  return nullptr;
}

}  // namespace everpost::local
