// everpost cluster …: what is done before there is a daemon to ask.
#include <filesystem>
#include <iostream>

#include "base/bytes.h"
#include "node/cli/cli.h"
#include "node/cli/make_cluster.h"

namespace everpost::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::vector<std::string> zookeeper;
  std::string root = "/everpost";
  std::vector<std::uint32_t> nodes;
  unsigned shards = 4, copies = 0, min_isr = 0;
  std::string folder = "everpost-cluster";
};

Failure to_failure(const Error& error, std::string remedy) {
  const int code = error.code == ErrorCode::kUnavailable ? kUnreachable : kRefused;
  return {code, std::string(to_string(error.code)), error.context, std::move(remedy)};
}

int init(const Cli& cli, const InitOptions& options) {
  cluster::Foundation foundation;
  foundation.zookeeper = options.zookeeper;
  foundation.root = options.root;
  for (const std::uint32_t node : options.nodes) foundation.nodes.push_back(NodeId{node});
  foundation.mail_shards = options.shards;
  foundation.copies = options.copies;
  foundation.min_isr = options.min_isr;
  const auto id = make_cluster(foundation, options.folder);
  if (!id && id.error().code == ErrorCode::kIo)
    return cli.fail(to_failure(id.error(), "run the same command again"));
  if (!id)
    return cli.fail(to_failure(id.error(), id.error().code == ErrorCode::kUnavailable
                                               ? "is ZooKeeper running, and reachable from here?"
                                               : "choose another --root for another cluster"));

  json::object answer;
  answer["cluster"] = hex(*id);
  answer["nodes"] = options.nodes.size();
  answer["mail_shards"] = options.shards;
  answer["certificates"] = fs::absolute(options.folder).string();
  if (cli.as_json) {
    cli.print_json(answer);
    return kOk;
  }
  std::cout << "cluster " << hex(*id) << ": " << options.nodes.size() << " nodes, "
            << options.shards << " mail shards\n\n"
            << "Copy to each node N, and name in its configuration, [cluster]:\n  "
            << options.folder << "/ca.pem, node-N.pem, node-N.key\n"
            << "Keep " << options.folder
            << "/ca.key away from the nodes: whoever has it can make nodes.\n";
  return kOk;
}

}  // namespace

void add_cluster_commands(CLI::App& app, Cli& cli) {
  CLI::App* const cluster = app.add_subcommand("cluster", "Several nodes as one mail system");
  cluster->require_subcommand(1);
  CLI::App* const make = cluster->add_subcommand(
      "init", "Make a new cluster: its place in ZooKeeper, its CA, a certificate for each node");
  const auto options = std::make_shared<InitOptions>();
  make->add_option("--zookeeper", options->zookeeper, "ZooKeeper's servers: host:port,host:port")
      ->delimiter(',')
      ->required();
  make->add_option("--nodes", options->nodes, "Numbers of all nodes (node.id): 1,2,3")
      ->delimiter(',')
      ->required()
      ->check(CLI::Range(1u, UINT32_MAX));
  make->add_option("--shards", options->shards, "Mail shards; never changes")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  make->add_option("--copies", options->copies, "Of each mail shard; default: 3, or all nodes")
      ->check(CLI::Range(1u, 7u));
  make->add_option("--min-isr", options->min_isr,
                   "Copies that have to have a change before it is acknowledged; default: 2 of 3")
      ->check(CLI::Range(1u, 7u));
  make->add_option("--root", options->root, "The cluster's place in ZooKeeper")
      ->capture_default_str();
  make->add_option("--certificates", options->folder, "Where the certificates are put")
      ->capture_default_str();
  make->callback([&cli, options] { cli.action = [&cli, options] { return init(cli, *options); }; });
}

}  // namespace everpost::cli
