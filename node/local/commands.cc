#include "node/local/commands.h"

#include "node/local/installation.h"

namespace everpost::local {
namespace {

struct Arguments {
  UpOptions up;
  unsigned node = 1;
  bool remove = false;
};

}  // namespace

void add_local_commands(CLI::App& app, cli::Cli& cli) {
  CLI::App* noun = app.add_subcommand(
      "local", "A throw-away installation on this machine, to try things out and for tests");
  noun->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  std::string& folder = arguments->up.folder;
  const auto add_verb = [&](const std::string& name, const std::string& description) {
    CLI::App* verb = noun->add_subcommand(name, description);
    verb->add_option("--dir", folder, "The installation's folder")->capture_default_str();
    return verb;
  };
  using NodeCommand = int (*)(const cli::Cli&, const std::string&, unsigned);
  const auto add_node_verb = [&](const std::string& name, const std::string& description,
                                 NodeCommand command) {
    CLI::App* verb = add_verb(name, description);
    verb->add_option("node", arguments->node, "The node's number")
        ->required()
        ->check(CLI::Range(1u, Installation::kNodesMax));
    verb->callback([&cli, arguments, command] {
      cli.action = [&cli, arguments, command] {
        return command(cli, arguments->up.folder, arguments->node);
      };
    });
  };

  UpOptions& options = arguments->up;
  CLI::App* verb = add_verb("up", "Make an installation (or take up an old one) and start it");
  verb->add_option("--nodes", options.nodes, "How many nodes; a cluster comes with a later release")
      ->check(CLI::Range(1u, Installation::kNodesMax))
      ->capture_default_str();
  verb->add_option("--base-port", options.base_port,
                   "SMTP listens on this + 25, IMAP on this + 143, …")
      ->check(CLI::Range(Installation::kBasePortMin, Installation::kBasePortMax))
      ->capture_default_str();
  verb->add_option("--domain", options.domain, "The domain to make")->capture_default_str();
  verb->add_option("--accounts", options.accounts, "How many accounts to make: user001, user002, …")
      ->check(CLI::Range(0u, 100'000u))
      ->capture_default_str();
  verb->add_option("--password", options.password, "Of all accounts; without it a random one");
  verb->callback(
      [&cli, arguments] { cli.action = [&cli, arguments] { return up(cli, arguments->up); }; });

  verb = add_verb("status", "What runs, on which ports");
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return status(cli, arguments->up.folder); };
  });
  add_node_verb("kill", "End a node at once (SIGKILL), as a crash would", kill);
  add_node_verb("stop", "Let a node hang (SIGSTOP)", stop);
  add_node_verb("cont", "Let a stopped node go on (SIGCONT)", cont);
  add_node_verb("start", "Start a node that was killed, and wait until it answers", start);
  verb = add_verb("down", "End everything that runs; mail stays");
  verb->add_flag("--remove", arguments->remove, "Remove all that was made, mail too");
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return down(cli, arguments->up.folder, arguments->remove); };
  });
}

}  // namespace everpost::local
