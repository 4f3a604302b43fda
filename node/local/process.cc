#include "node/local/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <spawn.h>
#include <sstream>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace everpost::local {
namespace {

constexpr std::chrono::milliseconds kPoll{10};

const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    return text;
  }();
  return id;
}

struct Stat {
  char state = 0;
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};

// /proc/PID/stat: "pid (name) state ppid …"; the name may hold anything, ')' too.
std::optional<Stat> read_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  Stat stat;
  fields >> stat.state >> stat.parent;
  std::string skipped;
  for (int field = 5; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

bool is(const Process& process, const Stat& stat) {
  return stat.start_ticks == process.start_ticks && process.boot_id == boot_id();
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& what, int error) {
  return Error{ErrorCode::kIo, what + ": " + std::strerror(error)};
}

}  // namespace

std::optional<Process> identify(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return Process{pid, stat->start_ticks, boot_id()};
}

ProcessState state_of(const Process& process) {
  const auto stat = read_stat(process.pid);
  if (!stat || !is(process, *stat) || stat->state == 'Z' || stat->state == 'X')
    return ProcessState::kGone;
  return stat->state == 'T' || stat->state == 't' ? ProcessState::kStopped : ProcessState::kRunning;
}

std::vector<Process> with_descendants(const Process& process) {
  std::vector<Process> found;
  if (state_of(process) == ProcessState::kGone) return found;
  std::multimap<pid_t, Process> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto stat = read_stat(pid);
    if (stat && stat->state != 'Z')
      children.emplace(stat->parent, Process{pid, stat->start_ticks, boot_id()});
  }
  found.push_back(process);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [from, to] = children.equal_range(found[i].pid);
    for (auto child = from; child != to; ++child) found.push_back(child->second);
  }
  return found;
}

Result<void> send_signal(const Process& process, int signal) {
  // The descriptor names one process, whatever happens to the pid after this line.
  const FileDescriptor file(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (file.get() < 0) {
    if (errno == ESRCH) return Error{ErrorCode::kNotFound, "the process is gone"};
    return system_error("pidfd_open " + std::to_string(process.pid), errno);
  }
  if (state_of(process) == ProcessState::kGone)
    return Error{ErrorCode::kNotFound, "the process is gone"};
  if (::syscall(SYS_pidfd_send_signal, file.get(), signal, nullptr, 0) != 0) {
    if (errno == ESRCH) return Error{ErrorCode::kNotFound, "the process is gone"};
    if (errno == EPERM)
      return Error{ErrorCode::kPermissionDenied,
                   "process " + std::to_string(process.pid) + " belongs to another user"};
    return system_error("signal process " + std::to_string(process.pid), errno);
  }
  return {};
}

bool wait_for(const std::vector<Process>& processes, ProcessState state,
              std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (const Process& process : processes)
    while (true) {
      ::waitpid(process.pid, nullptr, WNOHANG);  // no zombie, if it is a child of ours
      const ProcessState now = state_of(process);
      if (now == state) break;
      if (now == ProcessState::kGone) return false;  // it will not change any more
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(kPoll);
    }
  return true;
}

void wait_until_reaped(const std::vector<Process>& processes, std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (const Process& process : processes)
    while (std::chrono::steady_clock::now() < until) {
      const auto stat = read_stat(process.pid);
      if (!stat || !is(process, *stat)) break;
      std::this_thread::sleep_for(kPoll);
    }
}

Result<Process> start_detached(const std::string& program,
                               const std::vector<std::string>& arguments, const std::string& folder,
                               const std::string& log_file) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  // Were we started by systemd, the daemon must not report to it as if it were us.
  std::vector<char*> environment;
  for (char** entry = environ; *entry; ++entry)
    if (std::strncmp(*entry, "NOTIFY_SOCKET=", 14) != 0) environment.push_back(*entry);
  environment.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int status =
      ::posix_spawnp(&pid, program.c_str(), &files, &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (status != 0) return system_error("start " + program, status);
  // Even if it has ended already: nobody has reaped it, so the pid is still its own.
  const auto stat = read_stat(pid);
  if (!stat) return Error{ErrorCode::kIo, program + " ended at once"};
  return Process{pid, stat->start_ticks, boot_id()};
}

std::optional<std::string> ended(const Process& child) {
  int status = 0;
  if (::waitpid(child.pid, &status, WNOHANG) != child.pid) return std::nullopt;
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace everpost::local
