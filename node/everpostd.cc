// everpostd: the daemon. What it does in which order; the parts are in server.h.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "base/asio.h"
#include "base/log.h"
#include "node/open_files.h"
#include "node/privileges.h"
#include "node/server.h"
#include "node/service_manager.h"

namespace everpost::node {
namespace {

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;  // 74 (EX_IOERR) is for a disk that failed: cluster/node.cc

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

// Everything that needs root, then never again: see privileges.h.
Result<void> become_who_we_are(Server& server) {
  const Config& config = server.config();
  ASSIGN_OR_RETURN(const auto identity, identity_to_take(config));
  RETURN_IF_ERROR(make_log_file(config, identity));
  log::open(level_of(config), config.log_file);
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
  try {
    log::open(level_of(server.config()), server.config().log_file);
  } catch (const std::exception& failure) {
    log::error("log file not opened anew, the old one stays in use", {{"error", failure.what()}});
  }
  server.reload();
}

// Until SIGTERM or SIGINT.
void wait_for_signals(Server& server) {
  asio::io_context context(1);
  service_manager::Watchdog watchdog(context, server.threads());
  watchdog.start();
  asio::signal_set stop(context, SIGTERM, SIGINT), hangup(context, SIGHUP);
  stop.async_wait([&](error_code, int signal) {
    log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    context.stop();
  });
  std::function<void(error_code, int)> on_hangup = [&](error_code failure, int) {
    if (failure) return;
    reload(server);
    hangup.async_wait(on_hangup);
  };
  hangup.async_wait(on_hangup);
  context.run();
}

int run(Config config) {
  ::umask(077);  // mail is nobody else's business
  std::signal(SIGPIPE, SIG_IGN);
  // Before there are threads: a reload is not to kill a daemon that is still recovering.
  std::signal(SIGHUP, SIG_IGN);

  Server server(std::move(config));
  if (const auto ready = become_who_we_are(server); !ready) return fail(ready.error());
  const log::Writer log_writer;  // a thread: so only now, as the user that stays
  log::info("everpostd starts", {{"version", EVERPOST_VERSION},
                                 {"node", server.config().id},
                                 {"data", server.config().data_folder},
                                 {"pid", ::getpid()}});
  if (const auto opened = server.open(); !opened) return fail(opened.error());
  server.serve();
  log::info("everpostd serves");
  service_manager::ready("serving");

  wait_for_signals(server);
  // With the signal_set its handler is gone: the default action would kill a daemon that is closing
  // its store.
  std::signal(SIGHUP, SIG_IGN);

  service_manager::stopping("waiting for sessions to end");
  const auto stopped = server.stop();
  if (!stopped) return fail(stopped.error());
  log::info("everpostd stopped");
  return 0;
}

int run(int count, char** arguments) {
  CLI::App app{"Everpost's mail server: SMTP, LMTP and IMAP on one node of the cluster."};
  std::string file = "/etc/everpost/everpost.toml";
  bool only_check = false;
  app.add_option("--config", file, "The configuration, see everpostd(8)")->capture_default_str();
  app.add_flag("--check-config", only_check, "Check the configuration and leave");
  app.set_version_flag("--version", "everpostd " EVERPOST_VERSION);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : kExitUsage;
  }
  auto config = load_config(file);
  if (!config) return fail(config.error());
  return only_check ? check(*config) : run(*std::move(config));
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
