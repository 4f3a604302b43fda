#include "node/local/daemon.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "node/cli/http_client.h"

namespace everpost::local {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartMax{120};  // recovery included
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

Error did_not_start(const Installation& installation, const LocalNode& node,
                    const std::string& why) {
  const std::string& log = installation.log_file(node.id);
  return Error{ErrorCode::kUnavailable, "node " + std::to_string(node.id) + " did not start: " +
                                            why + "; the end of " + log + ":" + tail(log)};
}

}  // namespace

std::vector<Process> processes_of(const LocalNode& node) {
  return node.process ? with_descendants(*node.process) : std::vector<Process>{};
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

Result<void> start(Installation& installation, LocalNode& node) {
  ASSIGN_OR_RETURN(const std::string program, find_daemon());
  const std::string folder = installation.node_folder(node.id);
  {
    // Ended in between, we would leave a daemon that no `everpost local down` finds.
    const SignalsHeld held;
    ASSIGN_OR_RETURN(node.process, start_detached(program, {"--config", folder + "/everpost.toml"},
                                                  folder, installation.log_file(node.id)));
    RETURN_IF_ERROR(installation.save());
  }
  const auto until = std::chrono::steady_clock::now() + kStartMax;
  while (true) {
    if (const auto how = ended(*node.process))
      return did_not_start(installation, node, "everpostd " + *how);
    // Before the answer counts: another program may have the port.
    if (answers(node) && state_of(*node.process) == ProcessState::kRunning) return {};
    if (std::chrono::steady_clock::now() > until) {
      const Error late = did_not_start(installation, node, "it does not answer after 120 s");
      RETURN_IF_ERROR(end(node));
      return late;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Result<void> end(const LocalNode& node) {
  const std::vector<Process> processes = processes_of(node);
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
  return Error{ErrorCode::kTimeout,
               "node " + std::to_string(node.id) + " does not end, not even after SIGKILL"};
}

Result<void> send_and_wait(const LocalNode& node, int signal, ProcessState wanted) {
  const std::vector<Process> processes = processes_of(node);
  if (processes.empty())
    return Error{ErrorCode::kNotFound, "node " + std::to_string(node.id) + " does not run"};
  for (const Process& process : processes) {
    const auto sent = send_signal(process, signal);
    if (!sent && sent.error().code != ErrorCode::kNotFound) return sent.error();
  }
  if (wait_for(processes, wanted, kSignalMax)) {
    if (wanted == ProcessState::kGone) wait_until_reaped(processes, kReapMax);
    return {};
  }
  return Error{ErrorCode::kTimeout,
               "node " + std::to_string(node.id) + " did not react to the signal within 10 s"};
}

}  // namespace everpost::local
