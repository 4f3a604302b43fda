// everpostd: the daemon. What it does in which order; the parts are in server.h, and the parent
// process is in supervisor/.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/asio.h"
#include "base/log.h"
#include "cluster/disk_failures.h"
#include "node/open_files.h"
#include "node/privileges.h"
#include "node/server.h"
#include "node/service_manager.h"
#include "node/supervisor/supervisor.h"

namespace everpost::node {
namespace {

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;  // 74 (EX_IOERR) is for a disk that failed: cluster/disk_failures.h

int fail(const Error& error) {
  std::fprintf(stderr, "everpostd: %s\n", error.context.c_str());
  return kExitError;
}

log::Level level_of(const Config& config) {
  if (config.log_level == "debug") return log::Level::kDebug;
  if (config.log_level == "warning") return log::Level::kWarning;
  if (config.log_level == "error") return log::Level::kError;
  return log::Level::kInfo;
}

int check(const Config& config) {
  if (!config.certificate.empty())
    if (const auto tls = TlsContext::load(config.certificate, config.key); !tls)
      return fail(tls.error());
  std::printf("%s: fine\n", config.file.c_str());
  return 0;
}

Result<void> open_log(const Config& config) {
  ASSIGN_OR_RETURN(const auto identity, identity_to_take(config));
  RETURN_IF_ERROR(make_log_file(config, identity));
  try {
    log::open(level_of(config), config.log_file);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::kInvalidArgument, std::string("log.file: ") + failure.what()};
  }
  return {};
}

// Everything that needs root, then never again: see privileges.h.
Result<void> become_who_we_are(Server& server) {
  const Config& config = server.config();
  ASSIGN_OR_RETURN(const auto identity, identity_to_take(config));
  RETURN_IF_ERROR(open_log(config));
  raise_open_files_limit(config);
  RETURN_IF_ERROR(server.bind());
  RETURN_IF_ERROR(make_data_folder(config, identity));
  if (identity) {
    RETURN_IF_ERROR(drop_privileges(*identity));
  } else {
    warn_of_staying(config);
  }
  return check_data_folder(config);
}

void reload(Server& server) {
  if (const auto opened = open_log(server.config()); !opened)
    log::error("log file not opened anew, the old one stays in use",
               {{"error", opened.error().context}});
  server.reload();
}

// SIGTERM, SIGINT and SIGHUP, for as long as it lives.
class Signals {
 public:
  explicit Signals(Server& server) : server_(server), watchdog_(context_, server.threads()) {}

  // Until SIGTERM or SIGINT.
  void wait() {
    watchdog_.start();
    stop_.async_wait([this](error_code, int signal) {
      log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      context_.stop();
    });
    wait_for_hangup();
    context_.run();
  }

  // A second SIGTERM or SIGINT ends the process at once.
  void let_the_next_kill() { stop_.clear(); }

 private:
  void wait_for_hangup() {
    hangup_.async_wait([this](error_code failure, int) {
      if (failure) return;
      reload(server_);
      wait_for_hangup();
    });
  }

  Server& server_;
  asio::io_context context_{1};
  service_manager::Watchdog watchdog_;
  asio::signal_set stop_{context_, SIGTERM, SIGINT}, hangup_{context_, SIGHUP};
};

void prepare_process() {
  ::umask(077);  // mail is nobody else's business
  std::signal(SIGPIPE, SIG_IGN);
}

// The daemon itself. handover: from the supervisor, if it has one.
int work(Config config, std::optional<Handover> handover) {
  prepare_process();
  // Before there are threads: a reload is not to kill a daemon that is still recovering.
  std::signal(SIGHUP, SIG_IGN);
  const pid_t supervisor = handover ? handover->supervisor : 0;

  Server server(std::move(config), handover ? *std::move(handover) : Handover{});
  if (const auto ready = become_who_we_are(server); !ready) return fail(ready.error());
  if (supervisor > 0)
    if (const auto bound = die_with(supervisor); !bound) return fail(bound.error());
  const std::string& data = server.config().data_folder;
  if (const auto may = cluster::check_disk_failures(data, cluster::wall_clock()); !may) {
    fail(may.error());
    return cluster::kExitDiskFailed;
  }
  const log::Writer log_writer;  // a thread: so only now, as the user that stays
  log::info("everpostd starts", {{"version", EVERPOST_VERSION},
                                 {"node", server.config().id},
                                 {"data", data},
                                 {"pid", ::getpid()}});
  if (const auto opened = server.open(); !opened) return fail(opened.error());
  Signals signals(server);
  server.serve();
  log::info("everpostd serves");
  service_manager::ready("serving");

  signals.wait();
  // Under a supervisor, a signal that was sent to all comes twice: from its sender, and passed on.
  // There it is the supervisor that ends a stop which takes too long.
  if (supervisor == 0) {
    signals.let_the_next_kill();
    service_manager::stopping("waiting for sessions to end");
  }
  const auto stopped = server.stop();
  if (!stopped) return fail(stopped.error());
  log::info("everpostd stopped");
  return 0;
}

int supervise(const std::string& file) {
  prepare_process();
  auto previous = Handover::take();
  // Whoever else had the variable in its environment is not the image before this one.
  const bool ours = previous && previous->supervisor == ::getpid();
  Supervisor supervisor({file, open_log},
                        ours ? std::optional(*std::move(previous)) : std::nullopt);
  const auto status = supervisor.run();
  return status ? *status : fail(status.error());
}

int start_as_worker(const std::string& file) {
  ::prctl(PR_SET_NAME, "everpostd");  // executed as /proc/self/exe
  auto handover = Handover::take();
  if (!handover) {
    std::fprintf(stderr, "everpostd: --worker is for the supervisor only: %s\n",
                 handover.error().context.c_str());
    return kExitUsage;
  }
  if (const auto bound = die_with(handover->supervisor); !bound) return fail(bound.error());
  auto config = load_config(file);
  return config ? work(*std::move(config), *std::move(handover)) : fail(config.error());
}

int run(int count, char** arguments) {
  CLI::App app{"Everpost's mail server: SMTP, LMTP and IMAP on one node of the cluster."};
  std::string file = "/etc/everpost/everpost.toml";
  bool only_check = false, no_supervisor = false, worker = false;
  app.add_option("--config", file, "The configuration, see everpostd(8)")->capture_default_str();
  app.add_flag("--check-config", only_check, "Check the configuration and leave");
  app.add_flag("--no-supervisor", no_supervisor,
               "One process only, which nobody starts again (for debugging)");
  app.add_flag("--worker", worker)->group("");  // not in --help: how the supervisor starts it
  app.set_version_flag("--version", "everpostd " EVERPOST_VERSION);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : kExitUsage;
  }
  if (worker) return start_as_worker(file);
  if (!only_check && !no_supervisor) return supervise(file);
  auto config = load_config(file);
  if (!config) return fail(config.error());
  return only_check ? check(*config) : work(*std::move(config), std::nullopt);
}

}  // namespace
}  // namespace everpost::node

int main(int count, char** arguments) {
  try {
    return everpost::node::run(count, arguments);
  } catch (const std::exception& failure) {
    return everpost::node::fail({everpost::ErrorCode::kInternal, failure.what()});
  }
}
