#include "node/supervisor/supervisor.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <thread>
#include <unistd.h>

#include "base/log.h"
#include "cluster/disk_failures.h"

namespace everpost::node {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kStopMax = 110s;      // a worker's own deadlines end before; systemd waits for 120 s
constexpr auto kBusyPorts = 1s;      // for the worker of a supervisor that was killed to be gone
constexpr int kExitSignalled = 128;  // and the signal's number, as shells do

std::string this_program() {
  std::error_code failure;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", failure).string();
  constexpr std::string_view kReplaced = " (deleted)";
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : kExitSignalled + WTERMSIG(wait_status);
}

sigset_t signals_to_take() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGABRT})
    ::sigaddset(&signals, signal);
  return signals;
}

}  // namespace

Supervisor::Supervisor(Options options, std::optional<Handover> previous)
    : options_(std::move(options)), previous_(std::move(previous)), program_(this_program()) {
  std::uint64_t micros = 0;
  if (::sd_watchdog_enabled(0, &micros) > 0)
    watchdog_every_ = std::chrono::microseconds(micros / 3);
}

Result<int> Supervisor::run() {
  const sigset_t signals = signals_to_take();
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the worker's exit status with it
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_ = Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_)
    return Error{ErrorCode::kUnavailable, std::string("signalfd: ") + std::strerror(errno)};
  if (previous_)
    take_over();
  else
    RETURN_IF_ERROR(begin());
  while (!status_) {
    wait();
    look_for_readiness();
    look_for_its_end();
    if (!status_) watch_deadlines();
  }
  return *status_;
}

Result<void> Supervisor::begin() {
  ASSIGN_OR_RETURN(config_, load_config(options_.config_file));
  RETURN_IF_ERROR(options_.open_log(*config_));
  RETURN_IF_ERROR(bind_patiently(*config_));
  if (const auto may = may_try_the_disk_again(); !may) {
    std::fprintf(stderr, "everpostd: %s\n", may.error().context.c_str());
    status_ = cluster::kExitDiskFailed;
    return {};
  }
  start_at_ = steady_clock::now();
  return {};
}

Result<void> Supervisor::bind_patiently(const Config& config) {
  const Time until = steady_clock::now() + kBusyPorts;
  while (true) {
    auto bound = listeners_.follow(config);
    if (bound || bound.error().code != ErrorCode::kBusy || steady_clock::now() > until)
      return bound;
    std::this_thread::sleep_for(50ms);
  }
}

void Supervisor::take_over() {
  listeners_ = Listeners(previous_->sockets);
  restarts_ = previous_->restarts;
  served_ = previous_->served;
  if (previous_->worker > 0) worker_ = Worker{previous_->worker, {}};
  if (const auto read = read_configuration(); !read) {
    log::error("planned restart given up, the worker goes on", {{"error", read.error().context}});
    serves_since_ = steady_clock::now();
    if (!worker_) start_at_ = steady_clock::now();
    return;
  }
  replacing_ = true;
  if (worker_)
    end_worker(SIGTERM);
  else
    start_at_ = steady_clock::now();
}

Result<void> Supervisor::read_configuration() {
  ASSIGN_OR_RETURN(Config config, load_config(options_.config_file));
  config_ = std::move(config);
  RETURN_IF_ERROR(options_.open_log(*config_));
  return listeners_.follow(*config_);
}

// --- events

void Supervisor::wait() {
  pollfd files[2] = {{signals_.get(), POLLIN, 0},
                     {worker_ ? worker_->ready.get() : -1, POLLIN, 0}};  // -1 is passed over
  ::poll(files, 2, milliseconds_to_wait());
  signalfd_siginfo info{};
  while (!status_ && ::read(signals_.get(), &info, sizeof info) == sizeof info)
    on_signal(static_cast<int>(info.ssi_signo));
}

int Supervisor::milliseconds_to_wait() const {
  std::optional<Time> first;
  const auto consider = [&first](Time time) { first = first ? std::min(*first, time) : time; };
  if (kill_at_) consider(*kill_at_);
  if (start_at_) consider(*start_at_);
  if (watchdog_every_ && !serves_since_) consider(next_watchdog_);
  if (!first) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*first - steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(wait.count(), 0));
}

void Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
    case SIGABRT:  // systemd's watchdog: it is the worker's state that is worth a core
      return stop(signal);
    case SIGHUP:
      return reload();
    case SIGUSR2:
      return planned_restart();
    default:
      return;  // SIGCHLD only wakes us
  }
}

void Supervisor::stop(int signal) {
  const bool again = std::exchange(stopping_, true);
  start_at_.reset();
  // Said here and not by the worker, whose end is the service's end only now.
  ::sd_notify(0, "STOPPING=1\nSTATUS=stopping");
  listeners_.close();
  if (!worker_) {
    status_ = 0;
    return;
  }
  if (again) {
    log::warning("stopped a second time: the worker is killed", {{"pid", worker_->pid}});
    ::kill(worker_->pid, SIGKILL);
    return;
  }
  end_worker(signal);
}

void Supervisor::reload() {
  // First here: if the log has to be made anew, it is given to the worker's user.
  if (config_)
    if (const auto opened = options_.open_log(*config_); !opened)
      log::error("log file not opened anew", {{"error", opened.error().context}});
  if (worker_) ::kill(worker_->pid, SIGHUP);
}

void Supervisor::planned_restart() {
  if (stopping_ || replacing_) {
    log::warning("planned restart passed over: the worker is ending already");
    return;
  }
  if (const auto fine = check_config_with(program_, options_.config_file); !fine) {
    log::error("planned restart given up, the worker goes on", {{"error", fine.error().context}});
    return;
  }
  log::info("planned restart", {{"program", program_}});
  execute_next_image();
}

// The file may be a newer version by now. Process, children and descriptors stay what they are.
void Supervisor::execute_next_image() {
  Handover handover;
  handover.supervisor = ::getpid();
  handover.sockets = listeners_.descriptors();
  handover.restarts = restarts_;
  handover.worker = worker_ ? worker_->pid : 0;
  handover.served = served_;
  ::setenv(Handover::kVariable, handover.text().c_str(), 1);
  listeners_.keep_over_exec(true);
  ::execl(program_.c_str(), "everpostd", "--config", options_.config_file.c_str(), nullptr);
  log::error("planned restart given up, the worker goes on",
             {{"program", program_}, {"error", std::strerror(errno)}});
  listeners_.keep_over_exec(false);
  ::unsetenv(Handover::kVariable);
}

// --- the worker

void Supervisor::start_worker_again() {
  start_at_.reset();
  replacing_ = false;
  const auto try_later = [this](const Error& error) {
    const auto wait = back_off_.next({});
    log::error("worker not started", {{"error", error.context}, {"again_in_ms", wait.count()}});
    start_at_ = steady_clock::now() + wait;
  };
  // What the worker will read is what the sockets are for.
  if (const auto read = served_ ? read_configuration() : Result<void>{}; !read)
    return try_later(read.error());
  auto started = start_worker(options_.config_file, listeners_, restarts_);
  if (!started) return try_later(started.error());
  worker_ = *std::move(started);
  log::info("worker started", {{"pid", worker_->pid}, {"restarts", restarts_}});
}

void Supervisor::look_for_readiness() {
  if (!worker_ || !worker_->ready) return;
  char byte = 0;
  const auto got = ::read(worker_->ready.get(), &byte, 1);
  if (got < 0) return;
  worker_->ready = Descriptor();
  if (got == 0) return;  // closed: it is about to end
  served_ = true;
  serves_since_ = steady_clock::now();
}

void Supervisor::look_for_its_end() {
  int wait_status = 0;
  if (!worker_ || ::waitpid(worker_->pid, &wait_status, WNOHANG) != worker_->pid) return;
  on_end(wait_status);
}

void Supervisor::on_end(int wait_status) {
  const auto now = steady_clock::now();
  const auto served = serves_since_ ? now - *serves_since_ : steady_clock::duration{};
  const pid_t pid = worker_->pid;
  worker_.reset();
  serves_since_.reset();
  kill_at_.reset();
  const int status = status_of(wait_status);
  if (stopping_) {
    // One that was still starting has no handler yet.
    const bool as_told = status == kExitSignalled + SIGTERM || status == kExitSignalled + SIGINT;
    status_ = as_told ? 0 : status;
    return;
  }
  if (replacing_) {
    if (status != 0)
      log::warning("worker not closed cleanly, its successor recovers",
                   {{"pid", pid}, {"how", how_it_ended(wait_status)}});
    start_at_ = now;
  } else if (!served_ && WIFEXITED(wait_status) && status != cluster::kExitDiskFailed) {
    status_ = status;  // it has said why; trying again would not help
    return;
  } else {
    ++restarts_;
    const auto wait = back_off_.next(served);
    log::error("worker died",
               {{"pid", pid}, {"how", how_it_ended(wait_status)}, {"again_in_ms", wait.count()}});
    start_at_ = now + wait;
  }
  if (status != cluster::kExitDiskFailed) return;
  if (const auto may = may_try_the_disk_again(); !may) {
    log::error("worker not started", {{"error", may.error().context}});
    status_ = status;
  }
  disk_failed_ = now;
}

// The data folder knows of failures before this process; it knows nothing if its disk could not
// even take the note.
Result<void> Supervisor::may_try_the_disk_again() {
  if (config_)
    RETURN_IF_ERROR(cluster::check_disk_failures(config_->data_folder, cluster::wall_clock()));
  if (disk_failed_ && steady_clock::now() - *disk_failed_ < cluster::kDiskFailuresCount)
    return Error{ErrorCode::kIo,
                 "a disk has failed twice within an hour: check it (dmesg, smartctl -a), then "
                 "start again"};
  return {};
}

void Supervisor::end_worker(int signal) {
  ::kill(worker_->pid, signal);
  kill_at_ = steady_clock::now() + kStopMax;
}

void Supervisor::watch_deadlines() {
  const auto now = steady_clock::now();
  if (kill_at_ && now >= *kill_at_ && worker_) {
    log::error("worker does not end: killed", {{"pid", worker_->pid}});
    ::kill(worker_->pid, SIGKILL);
    kill_at_ = now + kStopMax;
  }
  if (start_at_ && now >= *start_at_) start_worker_again();
  // While no worker serves, there is none to feed systemd's watchdog.
  if (watchdog_every_ && !serves_since_ && now >= next_watchdog_) {
    ::sd_notify(0, "WATCHDOG=1");
    next_watchdog_ = now + *watchdog_every_;
  }
}

}  // namespace everpost::node
