#include "node/local/daemon.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "node/cli/http_client.h"
#include "node/local/forwarder.h"
#include "node/local/interruption.h"

namespace everpost::local {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartMax{120};     // recovery included
constexpr std::chrono::seconds kZooKeeperMax{60};  // Java, on a busy machine
constexpr std::chrono::seconds kNetworkMax{10};
constexpr std::chrono::seconds kEndMax{30};
constexpr std::chrono::seconds kSignalMax{10};
constexpr std::chrono::seconds kReapMax{2};
constexpr std::chrono::milliseconds kPoll{20};
constexpr std::size_t kTailLines = 15;

// Beside this program, as in a build; or where packages put daemons.
Result<std::string> find_daemon() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return Error{ErrorCode::kIo, "where is this program? " + error.message()};
  const fs::path folder = self.parent_path();
  for (const fs::path& path : {folder / "everpostd", folder / "../sbin/everpostd"})
    if (fs::exists(path, error)) return path.lexically_normal().string();
  return Error{ErrorCode::kNotFound,
               "there is no everpostd in " + folder.string() + "; build it: tools/build everpostd"};
}

// SIGINT and SIGTERM wait for as long as this lives. start_detached() unblocks them for the child.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

std::string tail(const std::string& file_name) {
  std::ifstream file(file_name);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line.substr(0, 500));
    if (lines.size() > kTailLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "\n  | " + line;
  return text;
}

Error did_not_start(const Daemon& daemon, const std::string& log, const std::string& why) {
  return Error{ErrorCode::kUnavailable,
               daemon.name + " did not start: " + why + "; the end of " + log + ":" + tail(log)};
}

struct Program {
  std::vector<std::string> words;
  std::string folder, log;
};

Result<void> launch(Installation& installation, Daemon& daemon, const Program& program) {
  // Ended in between, we would leave a process that no `everpost local down` finds.
  const SignalsHeld held;
  ASSIGN_OR_RETURN(daemon.process, start_detached(program.words.front(),
                                                  {program.words.begin() + 1, program.words.end()},
                                                  program.folder, program.log));
  return installation.save();
}

// Waits until `ready` says so.
Result<void> wait_for_start(Daemon& daemon, const std::string& log, std::chrono::seconds patience,
                            const std::function<bool()>& ready) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    if (const auto how = ended(*daemon.process))
      return did_not_start(daemon, log, "its process " + *how);
    // Before the answer counts: another program may have the port.
    if (ready() && state_of(*daemon.process) == ProcessState::kRunning) return {};
    if (Interruption::happened()) {
      RETURN_IF_ERROR(end({&daemon}));
      return Error{ErrorCode::kClosed, "interrupted while " + daemon.name + " was starting"};
    }
    if (std::chrono::steady_clock::now() > until) {
      const Error late = did_not_start(
          daemon, log, "it does not answer after " + std::to_string(patience.count()) + " s");
      RETURN_IF_ERROR(end({&daemon}));
      return late;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

std::vector<Process> processes_of(const Daemon& daemon) {
  return daemon.process ? with_descendants(*daemon.process) : std::vector<Process>{};
}

bool answers(const LocalNode& node) {
  asio::io_context context;
  bool good = false;
  asio::co_spawn(context,
                 cli::http_over_loopback(node.ports.at("http"), {"GET", "/healthz", ""},
                                         std::chrono::milliseconds{2000}),
                 [&good](std::exception_ptr error, Result<cli::HttpReply> reply) {
                   good = !error && reply && reply->status == 200;
                 });
  context.run();
  return good;
}

Result<void> launch(Installation& installation, LocalNode& node) {
  ASSIGN_OR_RETURN(const std::string program, find_daemon());
  const std::string folder = installation.node_folder(node.id);
  return launch(
      installation, node,
      {{program, "--config", folder + "/everpost.toml"}, folder, installation.log_file(node.id)});
}

Result<void> wait_until_answers(const Installation& installation, LocalNode& node) {
  return wait_for_start(node, installation.log_file(node.id), kStartMax,
                        [&node] { return answers(node); });
}

Result<void> start(Installation& installation, const std::vector<LocalZooKeeper*>& servers) {
  RETURN_IF_ERROR(cluster::check_installed());
  std::vector<cluster::ZooKeeperServer> ensemble;
  for (const LocalZooKeeper& server : installation.zookeepers)
    ensemble.push_back(installation.server(server.id));
  for (LocalZooKeeper* server : servers) {
    const cluster::ZooKeeperServer files = installation.server(server->id);
    RETURN_IF_ERROR(cluster::prepare(files, ensemble));
    RETURN_IF_ERROR(launch(installation, *server,
                           {cluster::command(files), files.folder, files.folder + "/log"}));
  }
  const auto running =
      std::ranges::count_if(installation.zookeepers, [](const LocalZooKeeper& server) {
        return server.process && state_of(*server.process) == ProcessState::kRunning;
      });
  if (static_cast<std::size_t>(running) <= installation.zookeepers.size() / 2) return {};
  for (LocalZooKeeper* server : servers) {
    const cluster::ZooKeeperServer files = installation.server(server->id);
    RETURN_IF_ERROR(wait_for_start(*server, files.folder + "/log", kZooKeeperMax,
                                   [&files] { return !cluster::mode_of(files).empty(); }));
  }
  return {};
}

Result<void> start_network(Installation& installation) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return Error{ErrorCode::kIo, "where is this program? " + error.message()};
  fs::remove(installation.network_socket(), error);
  RETURN_IF_ERROR(launch(installation, installation.network,
                         {{self.string(), "local", "network", "--dir", installation.folder()},
                          installation.folder(),
                          installation.network_log()}));
  return wait_for_start(installation.network, installation.network_log(), kNetworkMax, [&] {
    return ask_network(installation.network_socket(), "list").has_value();
  });
}

Result<void> end(const std::vector<Daemon*>& daemons) {
  std::vector<Process> processes;
  std::string names;
  for (const Daemon* daemon : daemons) {
    const std::vector<Process> its = processes_of(*daemon);
    if (its.empty()) continue;
    processes.insert(processes.end(), its.begin(), its.end());
    names += (names.empty() ? "" : ", ") + daemon->name;
  }
  const auto gone = [&processes](std::chrono::seconds deadline) {
    if (!wait_for(processes, ProcessState::kGone, deadline)) return false;
    wait_until_reaped(processes, kReapMax);
    return true;
  };
  for (const int signal : {SIGTERM, SIGCONT})  // a stopped one has to wake up to end
    for (const Process& process : processes) {
      const auto sent = send_signal(process, signal);
      if (!sent && sent.error().code != ErrorCode::kNotFound) return sent.error();
    }
  if (gone(kEndMax)) return {};
  for (const Process& process : processes) {
    const auto sent = send_signal(process, SIGKILL);
    if (!sent && sent.error().code != ErrorCode::kNotFound) return sent.error();
  }
  if (gone(kSignalMax)) return {};
  return Error{ErrorCode::kTimeout, names + ": does not end, not even after SIGKILL"};
}

Result<void> end_all(Installation& installation) {
  std::vector<Daemon*> nodes, servers;
  for (LocalNode& node : installation.nodes) nodes.push_back(&node);
  for (LocalZooKeeper& server : installation.zookeepers) servers.push_back(&server);
  // Each group needs the next one to end cleanly.
  for (const auto& group : {nodes, std::vector<Daemon*>{&installation.network}, servers}) {
    RETURN_IF_ERROR(end(group));
    for (Daemon* daemon : group) daemon->process.reset();
  }
  return {};
}

Result<void> send_and_wait(const Daemon& daemon, int signal, ProcessState wanted) {
  const std::vector<Process> processes = processes_of(daemon);
  if (processes.empty()) return Error{ErrorCode::kNotFound, daemon.name + " does not run"};
  for (const Process& process : processes) {
    const auto sent = send_signal(process, signal);
    if (!sent && sent.error().code != ErrorCode::kNotFound) return sent.error();
  }
  if (wait_for(processes, wanted, kSignalMax)) {
    if (wanted == ProcessState::kGone) wait_until_reaped(processes, kReapMax);
    return {};
  }
  return Error{ErrorCode::kTimeout, daemon.name + " did not react to the signal within 10 s"};
}

}  // namespace everpost::local
