#include "node/local/commands.h"

#include "node/local/installation.h"

namespace everpost::local {
namespace {

struct Arguments {
  UpOptions up;
  CutOptions cut;
  std::string name;
  bool remove = false;
};

// "3", "zookeeper", "zookeeper2".
std::string check_name(std::string name) {
  const bool zookeeper = name.starts_with("zookeeper");
  if (zookeeper) name.erase(0, 9);
  if (zookeeper && name.empty()) return "";
  if (name.size() == 1 && name[0] >= '1' && name[0] <= (zookeeper ? '3' : '9')) return "";
  return "not a node's number, nor zookeeper1, nor zookeeper (all of its servers)";
}

// "3", "zookeeper".
std::string check_end(std::string name) {
  if (name == "zookeeper" || (name.size() == 1 && name[0] >= '1' && name[0] <= '9')) return "";
  return "neither a node's number nor zookeeper";
}

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
  using NodeCommand = int (*)(const cli::Cli&, const std::string&, const std::string&);
  const auto add_node_verb = [&](const std::string& name, const std::string& description,
                                 NodeCommand command) {
    CLI::App* verb = add_verb(name, description);
    verb->add_option("node", arguments->name,
                     "The node's number; or zookeeper1, or zookeeper for all of its servers")
        ->required()
        ->check(CLI::Validator(check_name, "NODE|zookeeperN|zookeeper"));
    verb->callback([&cli, arguments, command] {
      cli.action = [&cli, arguments, command] {
        return command(cli, arguments->up.folder, arguments->name);
      };
    });
  };

  UpOptions& options = arguments->up;
  CLI::App* verb = add_verb("up", "Make an installation (or take up an old one) and start it");
  verb->add_option("--nodes", options.nodes,
                   "How many nodes; several are a cluster, with a ZooKeeper of their own")
      ->check(CLI::Range(1u, Installation::kNodesMax))
      ->capture_default_str();
  verb->add_option("--zookeepers", options.zookeepers,
                   "How many ZooKeeper servers; without it one for a cluster")
      ->check(CLI::IsMember({1u, 3u}));
  verb->add_option("--shards", options.shards,
                   "Mail shards of a cluster; without it as many as nodes")
      ->check(CLI::Range(1u, 64u));
  verb->add_option("--base-port", options.base_port,
                   "SMTP listens on this + 25, IMAP on this + 143, …; node 2 on 1000 more")
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
  verb = add_verb("cut", "Cut a node off from the others and ZooKeeper, as a broken cable would");
  const CLI::Validator end(check_end, "NODE|zookeeper");
  CutOptions& cut_options = arguments->cut;
  verb->add_option("node", cut_options.end, "The node's number, or zookeeper")
      ->required()
      ->check(end);
  verb->add_option("--from", cut_options.from, "Only from this node, or from zookeeper")
      ->check(end);
  verb->add_flag("--one-way", cut_options.one_way,
                 "Only what the node sends is lost; it still hears the others");
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return cut(cli, arguments->up.folder, arguments->cut); };
  });
  verb = add_verb("heal", "Mend all cuts of a node");
  verb->add_option("node", arguments->name, "The node's number, or zookeeper")
      ->required()
      ->check(end);
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return heal(cli, arguments->up.folder, arguments->name); };
  });
  verb = add_verb("network", "");
  verb->group("");  // for `up` alone
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return network(cli, arguments->up.folder); };
  });
  verb = add_verb("down", "End everything that runs; mail stays");
  verb->add_flag("--remove", arguments->remove, "Remove all that was made, mail too");
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return down(cli, arguments->up.folder, arguments->remove); };
  });
}

}  // namespace everpost::local
