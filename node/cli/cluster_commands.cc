// everpost cluster …: what is done before there is a daemon to ask.
#include <charconv>
#include <filesystem>
#include <iostream>
#include <optional>

#include "base/bytes.h"
#include "node/cli/cli.h"
#include "node/cli/make_cluster.h"

namespace everpost::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::vector<std::string> zookeeper;
  std::string root = "/everpost";
  std::vector<std::string> nodes;  // "1", "2:zone"
  unsigned shards = 4, copies = 0, min_isr = 0;
  std::string folder = "everpost-cluster";
};

struct NamedNode {
  std::uint32_t id = 0;
  std::string zone;
};

// "2", or "2:zone".
std::optional<NamedNode> parse_node(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view number = text.substr(0, colon);
  NamedNode node;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), node.id);
  if (error != std::errc{} || end != number.data() + number.size() || node.id == 0)
    return std::nullopt;
  if (colon == std::string_view::npos) return node;
  node.zone = text.substr(colon + 1);
  if (node.zone.empty() || node.zone.find_first_of(" \t\n:") != std::string::npos)
    return std::nullopt;
  return node;
}

std::string check_node(const std::string& text) {
  if (parse_node(text)) return {};
  return text + " is not a node: write its number, or number:zone";
}

Failure to_failure(const Error& error, std::string remedy) {
  const int code = error.code == ErrorCode::kUnavailable ? kUnreachable : kRefused;
  return {code, std::string(to_string(error.code)), error.context, std::move(remedy)};
}

int init(const Cli& cli, const InitOptions& options) {
  cluster::Foundation foundation;
  foundation.zookeeper = options.zookeeper;
  foundation.root = options.root;
  for (const std::string& text : options.nodes) {
    NamedNode node = *parse_node(text);
    foundation.nodes.push_back(NodeId{node.id});
    foundation.zones.push_back(std::move(node.zone));
  }
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
  make->add_option("--nodes", options->nodes,
                   "All nodes: their numbers (node.id), perhaps with zones: 1:a,2:b,3:c")
      ->delimiter(',')
      ->required()
      ->check(check_node);
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
