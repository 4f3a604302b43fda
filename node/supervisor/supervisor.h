// The parent process: it owns the listening sockets and starts the worker, which does everything
// else. It has one thread and never touches mail. See README.md for what it promises.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "node/runtime/config.h"
#include "node/supervisor/back_off.h"
#include "node/supervisor/handover.h"
#include "node/supervisor/listeners.h"
#include "node/supervisor/worker.h"

namespace everpost::node {

class Supervisor {
 public:
  struct Options {
    std::string config_file;
    std::function<Result<void>(const Config&)> open_log;  // also after SIGHUP
  };

  // previous: what the image before this one has handed over, at a planned restart.
  explicit Supervisor(Options options, std::optional<Handover> previous = std::nullopt);

  // Until a signal, or a worker that cannot be started. Returns the exit status. Errors, before a
  // worker has been started: the configuration or a port.
  Result<int> run();

 private:
  using Time = std::chrono::steady_clock::time_point;

  Result<void> begin();
  Result<void> bind_patiently(const Config& config);
  void take_over();
  Result<void> read_configuration();

  void wait();
  int milliseconds_to_wait() const;
  void on_signal(int signal);
  void stop(int signal);
  void reload();
  void planned_restart();
  void execute_next_image();

  void start_worker_again();
  void look_for_readiness();
  void look_for_its_end();
  void on_end(int wait_status);
  Result<void> may_try_the_disk_again();
  void end_worker(int signal);
  void watch_deadlines();

  const Options options_;
  const std::optional<Handover> previous_;
  std::string program_;  // whose file a planned restart executes
  std::optional<Config> config_;
  Listeners listeners_;
  Descriptor signals_;

  std::optional<Worker> worker_;
  std::optional<Time> serves_since_;
  bool served_ = false;     // some worker has
  bool replacing_ = false;  // the worker ends so that another takes its place
  bool stopping_ = false;
  std::optional<Time> kill_at_, start_at_;
  BackOff back_off_;
  unsigned restarts_ = 0;
  std::optional<Time> disk_failed_;

  std::optional<std::chrono::microseconds> watchdog_every_;
  Time next_watchdog_{};
  std::optional<int> status_;  // to exit with
};

}  // namespace everpost::node
