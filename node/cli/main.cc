// everpost: the command line. An administrator's verbs, sent to the daemon over its local socket,
// and `everpost local` (node/local). docs/man/everpost.1 describes all of it.
#include <exception>
#include <iostream>

#include "node/cli/cli.h"
#include "node/local/commands.h"

namespace everpost::cli {
namespace {

int run(int count, char** words) {
  Cli cli;
  CLI::App app{
      "Administers Everpost, a clustered mail server.\n"
      "Exit codes: 0 done, 1 refused, failed or degraded, 2 wrong usage, 3 no daemon answers."};
  app.name("everpost");
  app.require_subcommand(1);
  app.footer("Everywhere: --json, --socket PATH, --config FILE; see everpost(1)");
  app.fallthrough();  // options below may come after the verb, too
  app.set_version_flag("--version", "everpost " EVERPOST_VERSION);
  app.add_option("--socket", cli.socket, "The daemon's administration socket")
      ->envname("EVERPOST_SOCKET");
  app.add_option("--config", cli.config, "The daemon's configuration, which names the socket")
      ->capture_default_str();
  app.add_flag("--json", cli.as_json, "Answer in JSON, for programs");
  add_domain_commands(app, cli);
  add_account_commands(app, cli);
  add_alias_commands(app, cli);
  add_setting_commands(app, cli);
  add_cluster_commands(app, cli);
  add_shard_commands(app, cli);
  add_status_command(app, cli);
  add_verify_command(app, cli);
  local::add_local_commands(app, cli);

  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? kOk : kUsage;
  }
  return cli.action();
}

}  // namespace
}  // namespace everpost::cli

int main(int count, char** words) {
  try {
    return everpost::cli::run(count, words);
  } catch (const std::exception& failure) {
    std::cerr << "everpost: " << failure.what() << "\n";
    return everpost::cli::kRefused;
  }
}
