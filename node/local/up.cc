// everpost local up
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <openssl/rand.h>
#include <unistd.h>

#include "node/cli/make_cluster.h"
#include "node/local/accounts.h"
#include "node/local/commands.h"
#include "node/local/configuration.h"
#include "node/local/daemon.h"
#include "node/local/interruption.h"

namespace everpost::local {
namespace {

// 12 letters and digits that look like no others.
std::string random_password() {
  static constexpr char kLetters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  unsigned char bytes[12];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return "";
  std::string password;
  for (const unsigned char byte : bytes) password += kLetters[byte % 32];
  return password;
}

// How many accounts are made, on a terminal in one line, otherwise every hundred.
class Progress {
 public:
  explicit Progress(unsigned count) : count_(count), terminal_(::isatty(STDERR_FILENO) != 0) {}
  void operator()(unsigned done) const {
    if (terminal_)
      std::cerr << "\raccounts: " << done << " of " << count_ << (done == count_ ? "\n" : "")
                << std::flush;
    else if (done % 100 == 0)
      std::cerr << "accounts: " << done << " of " << count_ << "\n";
  }

 private:
  unsigned count_;
  bool terminal_;
};

// What it is to be; refuses to make something else of one that is there.
Result<void> plan(Installation& installation, const UpOptions& options) {
  std::vector<const Daemon*> all{&installation.network};
  for (const LocalNode& node : installation.nodes) all.push_back(&node);
  for (const LocalZooKeeper& server : installation.zookeepers) all.push_back(&server);
  for (const Daemon* daemon : all)
    if (!processes_of(*daemon).empty())
      return Error{ErrorCode::kAlreadyExists,
                   installation.folder() + ": " + daemon->name +
                       " is running already; see `everpost local status`, or stop it with "
                       "`everpost local down`"};
  const unsigned servers = options.zookeepers == 0 && options.nodes > 1 ? 1 : options.zookeepers;
  if (!installation.nodes.empty() &&
      (installation.nodes.size() != options.nodes || installation.zookeepers.size() != servers))
    return Error{ErrorCode::kInvalidArgument,
                 installation.folder() + " was made with --nodes " +
                     std::to_string(installation.nodes.size()) + " and " +
                     std::to_string(installation.zookeepers.size()) +
                     " ZooKeeper servers; give the same, or choose another folder with --dir"};
  if (servers > 0) RETURN_IF_ERROR(cluster::check_installed());
  const unsigned base_port_max = Installation::base_port_max(std::max(options.nodes, servers));
  if (servers > 0 && options.base_port > base_port_max)
    return Error{ErrorCode::kInvalidArgument,
                 "--base-port can be " + std::to_string(base_port_max) +
                     " at most: above 32767 the kernel gives ports to connections"};
  installation.domain = options.domain;
  installation.base_port = options.base_port;
  installation.nodes.clear();
  installation.zookeepers.clear();
  for (unsigned id = 1; id <= options.nodes; ++id) {
    LocalNode& node = installation.nodes.emplace_back(id);
    node.ports = Installation::ports_of(id, options.base_port);
  }
  for (unsigned id = 1; id <= servers; ++id) installation.zookeepers.emplace_back(id);
  return installation.save();  // from here on the folder is ours
}

// ZooKeeper, the network, and the cluster, if there is none yet.
Result<void> prepare_cluster(Installation& installation, const UpOptions& options) {
  std::vector<LocalZooKeeper*> servers;
  cluster::Foundation foundation;
  for (LocalZooKeeper& server : installation.zookeepers) {
    servers.push_back(&server);
    foundation.zookeeper.push_back(installation.server(server.id).address());
  }
  for (const LocalNode& node : installation.nodes) foundation.nodes.push_back(NodeId{node.id});
  foundation.mail_shards = options.shards != 0 ? options.shards : options.nodes;
  RETURN_IF_ERROR(start(installation, servers));
  RETURN_IF_ERROR(start_network(installation));
  // It can be repeated, but not with another number of shards.
  std::error_code error;
  const std::string last =
      installation.certificates() + "/node-" + std::to_string(options.nodes) + ".pem";
  if (std::filesystem::exists(last, error)) return {};
  RETURN_IF_ERROR(cli::make_cluster(foundation, installation.certificates()));
  return {};
}

Result<void> start_all(Installation& installation, const UpOptions& options) {
  RETURN_IF_ERROR(check_ports_are_free(installation));
  if (installation.is_cluster()) RETURN_IF_ERROR(prepare_cluster(installation, options));
  for (const LocalNode& node : installation.nodes) RETURN_IF_ERROR(configure(installation, node));
  // A node of a cluster may have to wait for others: start all, then wait.
  for (LocalNode& node : installation.nodes) RETURN_IF_ERROR(launch(installation, node));
  for (LocalNode& node : installation.nodes)
    RETURN_IF_ERROR(wait_until_answers(installation, node));
  return {};
}

}  // namespace

int up(const cli::Cli& cli, const UpOptions& options) {
  std::string password = options.password;
  if (password.empty() && options.accounts > 0) {
    if (cli.as_json)
      return cli.fail({cli::kUsage, "invalid-argument", "--json needs --password",
                       "without it a random one is made, and printed in the table only"});
    password = random_password();
  }
  auto installation = Installation::open_or_make(options.folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "choose another folder with --dir"));
  if (const auto planned = plan(*installation, options); !planned)
    return cli.fail(to_failure(planned.error()));
  // Nothing half-made runs on, not even after Ctrl-C.
  const Interruption interruption;
  const auto give_up = [&](const cli::Failure& why) {
    if (const auto ended = end_all(*installation); !ended) cli.fail(to_failure(ended.error()));
    if (const auto saved = installation->save(); !saved) cli.fail(to_failure(saved.error()));
    return cli.fail(why);
  };
  if (const auto started = start_all(*installation, options); !started)
    return give_up(to_failure(started.error()));
  const cli::AdminClient admin(installation->socket(1));
  const auto made =
      make_accounts(admin, options.domain, options.accounts, password, Progress(options.accounts));
  if (!made) return give_up(made.error());
  if (Interruption::happened()) return give_up({cli::kRefused, "closed", "interrupted", ""});
  if (cli.as_json) {
    cli.print_json(to_json(*installation));
    return cli::kOk;
  }
  std::cout << to_table(*installation);
  if (options.accounts > 0)
    std::cout << "\naccounts  " << account_address(1, options.domain)
              << (options.accounts > 1 ? " … " + account_address(options.accounts, options.domain)
                                       : "")
              << "\npassword  " << password << "\n";
  for (const LocalNode& node : installation->nodes)
    std::cout << "socket    " << installation->socket(node.id) << "\nlog       "
              << installation->log_file(node.id) << "\n";
  return cli::kOk;
}

}  // namespace everpost::local
