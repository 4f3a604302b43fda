#include "node/supervisor/worker.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace everpost::node {
namespace {

using namespace std::chrono_literals;

constexpr auto kCheckTime = 10s;
constexpr std::size_t kSaidMax = 2000;
constexpr int kExitNotExecuted = 127;

Error unavailable(const char* call) {
  return {ErrorCode::kUnavailable, std::string(call) + ": " + std::strerror(errno)};
}

struct Pipe {
  Descriptor read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return unavailable("pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// Systemd names the supervisor as the one whose watchdog this is; the worker feeds it.
std::vector<std::string> environment_of_worker(const Handover& handover) {
  std::vector<std::string> all{std::string(Handover::kVariable) + "=" + handover.text()};
  for (char** entry = environ; *entry; ++entry)
    if (!std::string_view(*entry).starts_with("WATCHDOG_PID=")) all.emplace_back(*entry);
  return all;
}

void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In a child of fork(): only one thread has ever been here, so all calls are allowed.
[[noreturn]] void execute(const char* file, std::vector<std::string> words,
                          std::vector<std::string> environment) {
  ::execve(file, pointers(words).data(), pointers(environment).data());
  std::fprintf(stderr, "everpostd: cannot execute %s: %s\n", file, std::strerror(errno));
  ::_exit(kExitNotExecuted);
}

void append_what_it_says(int pipe, std::string& said) {
  char buffer[512];
  for (ssize_t n; (n = ::read(pipe, buffer, sizeof buffer)) > 0;)
    said.append(buffer, std::min(static_cast<std::size_t>(n), kSaidMax - said.size()));
}

}  // namespace

Result<Worker> start_worker(const std::string& config_file, const Listeners& listeners,
                            unsigned restarts) {
  ASSIGN_OR_RETURN(Pipe ready, make_pipe());
  Handover handover;
  handover.supervisor = ::getpid();
  handover.sockets = listeners.descriptors();
  handover.restarts = restarts;
  handover.ready = ready.write.get();
  const pid_t pid = ::fork();
  if (pid < 0) return unavailable("fork");
  if (pid == 0) {
    listeners.keep_over_exec(true);
    ::fcntl(ready.write.get(), F_SETFD, 0);
    ::signal(SIGHUP, SIG_IGN);  // until it can reload
    unblock_signals();
    execute("/proc/self/exe", {"everpostd", "--config", config_file, "--worker"},
            environment_of_worker(handover));
  }
  return Worker{pid, std::move(ready.read)};
}

Result<void> check_config_with(const std::string& program, const std::string& config_file) {
  ASSIGN_OR_RETURN(Pipe errors, make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return unavailable("fork");
  if (pid == 0) {
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(errors.write.get(), STDERR_FILENO);
    unblock_signals();
    std::vector<std::string> environment;
    for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
    execute(program.c_str(), {"everpostd", "--config", config_file, "--check-config"},
            std::move(environment));
  }
  errors.write = Descriptor();
  std::string said;
  int status = 0;
  const auto until = std::chrono::steady_clock::now() + kCheckTime;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return Error{ErrorCode::kTimeout, program + " --check-config does not end"};
    }
    pollfd wait{errors.read.get(), POLLIN, 0};
    ::poll(&wait, 1, 20);
    if (wait.revents & POLLHUP) ::usleep(5'000);
    append_what_it_says(errors.read.get(), said);
  }
  append_what_it_says(errors.read.get(), said);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return Error{ErrorCode::kInvalidArgument,
               program + " --check-config " + how_it_ended(status) + ": " + said};
}

std::string how_it_ended(int wait_status) {
  if (WIFEXITED(wait_status))
    return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
  const char* name = ::sigabbrev_np(WTERMSIG(wait_status));
  return "killed by " +
         (name ? "SIG" + std::string(name) : "signal " + std::to_string(WTERMSIG(wait_status)));
}

}  // namespace everpost::node
