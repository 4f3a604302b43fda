// everpost node list, everpost shard list|show|switch, everpost copies, everpost why
#include <charconv>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "node/cli/cluster_answer.h"
#include "node/cli/watch.h"

namespace everpost::cli {
namespace {

// Longer than a node tries to switch.
constexpr std::chrono::seconds kSwitchDeadline{20};

struct Arguments {
  std::uint32_t shard = 0;
  std::optional<std::uint32_t> only;  // shard
  std::optional<std::uint32_t> to;
  std::string since;
  std::uint32_t limit = 100;
};

int show_table(const Cli& cli, const std::function<std::string(const json::object&)>& table,
               const char* key) {
  int exit_code = kOk;
  const auto cluster = ask_for_cluster(cli, exit_code);
  if (!cluster) return exit_code;
  if (cli.as_json) {
    const json::value* const part = cluster->if_contains(key);
    cli.print_json({{key, part ? *part : json::value(json::array())}});
  } else {
    std::cout << table(*cluster);
  }
  return kOk;
}

int no_such_shard(const Cli& cli, std::uint32_t shard) {
  return cli.fail({kRefused, "not-found", "there is no shard " + std::to_string(shard),
                   "everpost shard list shows all"});
}

std::optional<json::object> find(const json::object& cluster, std::uint32_t id) {
  for (json::object& shard : list(cluster, "shards"))
    if (number(shard, "shard") == id) return std::move(shard);
  return std::nullopt;
}

int show(const Cli& cli, std::uint32_t id) {
  int exit_code = kOk;
  const auto cluster = ask_for_cluster(cli, exit_code);
  if (!cluster) return exit_code;
  const auto shard = find(*cluster, id);
  if (!shard) return no_such_shard(cli, id);
  if (cli.as_json) {
    cli.print_json(*shard);
    return kOk;
  }
  const std::uint64_t primary = number(*shard, "primary");
  std::cout << "shard " << id << " (" << text(*shard, "kind") << "): " << text(*shard, "state")
            << ", primary " << (primary == 0 ? "none" : "node " + std::to_string(primary))
            << ", epoch " << number(*shard, "epoch") << "\n"
            << "in sync: node " << numbers_text(*shard, "in_sync") << " of "
            << numbers_text(*shard, "replicas") << "; a change is on " << number(*shard, "min_isr")
            << " of them at least before it is acknowledged\n";
  if (const json::value* problems = shard->if_contains("problems");
      problems && problems->is_array())
    for (const json::value& problem : problems->get_array())
      if (problem.is_string()) std::cout << std::string_view(problem.get_string()) << "\n";
  std::cout << "\n" << copies_table(*cluster, id);
  return kOk;
}

int switch_primary(const Cli& cli, const Arguments& arguments) {
  json::object body;
  if (arguments.to) body["to"] = *arguments.to;
  int exit_code = kOk;
  const auto answer =
      cli.ask(exit_code, "POST", "/v1/shards/" + std::to_string(arguments.shard) + "/switch",
              std::move(body), kSwitchDeadline);
  if (!answer) return exit_code;
  const std::uint64_t from = number(*answer, "from"), to = number(*answer, "to");
  std::ostringstream sentence;
  sentence << "shard " << arguments.shard << ": ";
  if (from == to) {
    sentence << "node " << to << " leads already";
  } else {
    const json::value* const pause = answer->if_contains("pause_ms");
    sentence << "node " << to << " leads now, instead of node " << from
             << "; no change was taken for at most " << std::fixed << std::setprecision(1)
             << (pause && pause->is_number() ? pause->to_number<double>() : 0.0) << " ms";
  }
  return cli.done(*answer, sentence.str());
}

// "90s", "15m", "2h", "3d" ago, in microseconds since 1970.
std::optional<std::int64_t> parse_since(const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end + 1 != text.data() + text.size() || count < 0 ||
      count > 1'000'000)
    return std::nullopt;
  std::int64_t unit = 0;
  switch (*end) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86'400;
      break;
    default:
      return std::nullopt;
  }
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return std::max<std::int64_t>(0, now.count() - count * unit * 1'000'000);
}

int why(const Cli& cli, const Arguments& arguments) {
  std::string target = "/v1/shards/" + std::to_string(arguments.shard) +
                       "/events?limit=" + std::to_string(arguments.limit);
  if (!arguments.since.empty()) {
    const auto since = parse_since(arguments.since);
    if (!since)
      return cli.fail({kUsage, "invalid-argument", "\"" + arguments.since + "\" is no time",
                       "write it like 90s, 15m, 2h or 3d: so long ago"});
    target += "&since=" + std::to_string(*since);
  }
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", target);
  if (!answer) return exit_code;
  if (cli.as_json) {
    cli.print_json(*answer);
    return kOk;
  }
  for (const json::object& event : list(*answer, "events")) {
    const std::string reason = text(event, "why");
    std::cout << text(event, "time") << "  node " << number(event, "node") << "  epoch "
              << number(event, "epoch") << (flag(event, "alarm") ? "  ! " : "    ")
              << text(event, "what") << (reason.empty() ? "" : ": " + reason) << "\n";
  }
  if (list(*answer, "events").empty()) std::cout << "nothing is known of this shard\n";
  std::cout.flush();
  for (const json::object& node : list(*answer, "no_answer"))
    std::cerr << "everpost: node " << number(node, "node") << ": no answer (" << text(node, "why")
              << "); its events are missing here\n";
  return kOk;
}

CLI::Option* add_shard(CLI::App& command, std::uint32_t& shard) {
  return command.add_option("shard", shard, "Its number; 0 is the directory")->required();
}

}  // namespace

void add_shard_commands(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();

  CLI::App* const node = app.add_subcommand("node", "The nodes of the cluster");
  node->require_subcommand(1);
  CLI::App* verb = node->add_subcommand("list", "All nodes, and whether they answer");
  verb->callback([&cli, watch = Watch(*verb)] {
    cli.action = [&cli, watch] {
      return watch.run(cli, [&cli] { return show_table(cli, nodes_table, "nodes"); });
    };
  });

  CLI::App* const shard = app.add_subcommand("shard", "The shards, and who leads them");
  shard->require_subcommand(1);
  verb = shard->add_subcommand("list", "All shards");
  verb->callback([&cli, watch = Watch(*verb)] {
    cli.action = [&cli, watch] {
      return watch.run(cli, [&cli] { return show_table(cli, shards_table, "shards"); });
    };
  });
  verb = shard->add_subcommand("show", "One shard with its copies");
  add_shard(*verb, arguments->shard);
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return show(cli, arguments->shard); };
  });
  verb = shard->add_subcommand("switch", "Make another node its primary, and wait for it");
  add_shard(*verb, arguments->shard);
  verb->add_option("--to", arguments->to,
                   "The node; without it the first of those that it is placed on")
      ->check(CLI::Range(1u, UINT32_MAX));
  verb->callback([&cli, arguments] {
    cli.action = [&cli, arguments] { return switch_primary(cli, *arguments); };
  });

  CLI::App* const copies =
      app.add_subcommand("copies", "Every copy: its role, how far it is, its digest");
  copies->add_option("--shard", arguments->only, "Only of this one");
  copies->callback([&cli, arguments, watch = Watch(*copies)] {
    cli.action = [&cli, arguments, watch] {
      return watch.run(cli, [&cli, arguments] {
        const auto only = arguments->only;
        if (!only || !cli.as_json)
          return show_table(
              cli, [&](const json::object& cluster) { return copies_table(cluster, only); },
              "shards");
        int exit_code = kOk;
        const auto cluster = ask_for_cluster(cli, exit_code);
        if (!cluster) return exit_code;
        const auto found = find(*cluster, *only);
        if (!found) return no_such_shard(cli, *only);
        cli.print_json({{"shards", {*found}}});
        return static_cast<int>(kOk);
      });
    };
  });

  CLI::App* const reason = app.add_subcommand("why", "What made it so: events of all nodes");
  reason->require_subcommand(1);
  verb = reason->add_subcommand("shard", "Of one shard, in the order of time");
  add_shard(*verb, arguments->shard);
  verb->add_option("--since", arguments->since, "Not older than this: 90s, 15m, 2h, 3d");
  verb->add_option("--limit", arguments->limit, "At most so many, the newest")
      ->check(CLI::Range(1u, 2000u))
      ->capture_default_str();
  verb->callback(
      [&cli, arguments] { cli.action = [&cli, arguments] { return why(cli, *arguments); }; });
}

}  // namespace everpost::cli
