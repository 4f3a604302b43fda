#include "tests/support/ensemble.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace everpost::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStartLimit{30};
constexpr milliseconds kLookEvery{20};

// Below the ports that the kernel hands out by itself, or a connection might get one in between.
std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (int tries = 0; tries < 1000; ++tries) {
    const auto port = std::uniform_int_distribution<std::uint16_t>(20'000, 32'000)(random);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(socket);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

std::vector<char*> arguments(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// Starts a process that outlives this one's end by a moment, to remove the folder. Returns the end
// of a pipe: a line written there sends it home.
int start_remover(const std::string& folder) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::vector<std::string> words = {"sh", "-c", "read -r line && exit; sleep 1; rm -rf -- \"$1\"",
                                    "remover", folder};
  const auto argv = arguments(words);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);  // not our child, so that whoever kills our children spares it
    ::dup2(pipe[0], STDIN_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  return pipe[1];
}

}  // namespace

Ensemble::Ensemble(int servers) {
  std::string pattern = (fs::temp_directory_path() / "everpost-zookeeper-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  folder_ = pattern;
  remover_ = start_remover(folder_);
  std::vector<cluster::ZooKeeperServer> all;
  for (int id = 1; id <= servers; ++id)
    all.push_back({id, folder_ + "/" + std::to_string(id), free_port(), free_port(), free_port()});
  for (const cluster::ZooKeeperServer& server : all) {
    if (const auto prepared = prepare(server, all); !prepared)
      throw std::runtime_error(to_string(prepared.error()));
    processes_.push_back({server});
  }
  start_all();
  wait_until_serving();
}

Ensemble::~Ensemble() {
  kill_all();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  (void)!::write(remover_, "\n", 1);
  ::close(remover_);
}

std::vector<std::string> Ensemble::addresses() const {
  std::vector<std::string> all;
  for (const Process& process : processes_) all.push_back(process.server.address());
  return all;
}

void Ensemble::run(Process& process) {
  std::vector<std::string> words = command(process.server);
  const auto argv = arguments(words);
  const std::string log = process.server.folder + "/log";
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it has ended already
    const int to = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(to, STDOUT_FILENO);
    ::dup2(to, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  process.pid = child;
  process.frozen = false;
}

void Ensemble::kill(int server) {
  Process& process = at(server);
  if (process.pid == 0) return;
  ::kill(process.pid, SIGKILL);
  ::waitpid(process.pid, nullptr, 0);
  process.pid = 0;
}

void Ensemble::start(int server) {
  if (at(server).pid == 0) run(at(server));
}

void Ensemble::freeze(int server) {
  ::kill(at(server).pid, SIGSTOP);
  at(server).frozen = true;
}

void Ensemble::thaw(int server) {
  ::kill(at(server).pid, SIGCONT);
  at(server).frozen = false;
}

void Ensemble::kill_all() {
  for (int server = 0; server < size(); ++server) kill(server);
}

void Ensemble::start_all() {
  for (int server = 0; server < size(); ++server) start(server);
}

void Ensemble::wait_until_serving() {
  const auto end = steady_clock::now() + kStartLimit;
  for (Process& process : processes_) {
    while (process.pid != 0 && !process.frozen && mode_of(process.server).empty()) {
      int status = 0;
      if (::waitpid(process.pid, &status, WNOHANG) == process.pid)
        throw std::runtime_error("a ZooKeeper server ended at once: is tools/deps done? See " +
                                 process.server.folder + "/log");
      if (steady_clock::now() > end) throw std::runtime_error("ZooKeeper does not serve");
      std::this_thread::sleep_for(kLookEvery);
    }
  }
}

int Ensemble::leader() const {
  for (const auto end = steady_clock::now() + kStartLimit; steady_clock::now() < end;) {
    for (int server = 0; server < size(); ++server) {
      if (at(server).pid == 0 || at(server).frozen) continue;
      const std::string mode = mode_of(at(server).server);
      if (mode == "leader" || mode == "standalone") return server;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  throw std::runtime_error("the ensemble has no leader");
}

int Ensemble::follower() const { return (leader() + 1) % size(); }

void Ensemble::save(int server, const std::string& name) const {
  const std::string& folder = at(server).server.folder;
  fs::copy(folder + "/data", folder + "/" + name, fs::copy_options::recursive);
}

void Ensemble::restore(int server, const std::string& name) const {
  const std::string& folder = at(server).server.folder;
  fs::remove_all(folder + "/data");
  fs::copy(folder + "/" + name, folder + "/data", fs::copy_options::recursive);
}

}  // namespace everpost::test
