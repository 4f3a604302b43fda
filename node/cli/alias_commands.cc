// everpost alias add|list|remove|show
#include <iostream>

#include "node/cli/cli.h"
#include "node/cli/http_client.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

struct Arguments {
  std::string address, domain;
  std::vector<std::string> targets;
};

std::string path(const std::string& address) { return "/v1/aliases/" + percent_encode(address); }

std::string targets_of(const json::object& alias) {
  std::string result;
  const json::value* targets = alias.if_contains("targets");
  if (!targets || !targets->is_array()) return result;
  for (const json::value& target : targets->get_array()) {
    if (!target.is_string()) continue;
    if (!result.empty()) result += ", ";
    result += std::string_view(target.get_string());
  }
  return result;
}

int add(const Cli& cli, const Arguments& arguments) {
  json::array targets;
  for (const std::string& target : arguments.targets) targets.emplace_back(target);
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "POST", "/v1/aliases",
                              {{"address", arguments.address}, {"targets", std::move(targets)}});
  if (!answer) return exit_code;
  return cli.done(*answer, "alias " + text(*answer, "address") + " added: " + targets_of(*answer));
}

int list(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto aliases = cli.ask_for_all(exit_code, "aliases", arguments.domain);
  if (!aliases) return exit_code;
  if (cli.as_json) {
    cli.print_json({{"aliases", *aliases}});
    return kOk;
  }
  Table table({"ALIAS", "GOES TO"});
  for (const json::value& alias : *aliases)
    table.add({text(alias.as_object(), "address"), targets_of(alias.as_object())});
  std::cout << table.text();
  return kOk;
}

int show(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", path(arguments.address));
  if (!answer) return exit_code;
  if (cli.as_json) {
    cli.print_json(*answer);
    return kOk;
  }
  Table table({"alias", text(*answer, "address")});
  table.add({"goes to", targets_of(*answer)});
  table.add({"since", text(*answer, "created")});
  std::cout << table.text();
  return kOk;
}

int remove(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "DELETE", path(arguments.address));
  return answer ? cli.done(*answer, "alias " + text(*answer, "address") + " removed") : exit_code;
}

}  // namespace

void add_alias_commands(CLI::App& app, Cli& cli) {
  CLI::App* noun = app.add_subcommand("alias", "Addresses whose mail goes to other addresses");
  noun->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto run = [&cli, arguments](CLI::App* verb, int (*command)(const Cli&, const Arguments&)) {
    verb->callback([&cli, arguments, command] {
      cli.action = [&cli, arguments, command] { return command(cli, *arguments); };
    });
  };

  CLI::App* verb = noun->add_subcommand("add", "Send an address's mail to others");
  verb->add_option("address", arguments->address, "info@example.org")->required();
  verb->add_option("targets", arguments->targets, "Where its mail goes, here or elsewhere")
      ->required();
  run(verb, add);

  verb = noun->add_subcommand("list", "All aliases");
  verb->add_option("--domain", arguments->domain, "Only those of this domain");
  run(verb, list);

  verb = noun->add_subcommand("show", "One alias");
  verb->add_option("address", arguments->address, "The alias")->required();
  run(verb, show);

  verb = noun->add_subcommand("remove", "Remove an alias");
  verb->add_option("address", arguments->address, "The alias")->required();
  run(verb, remove);
}

}  // namespace everpost::cli
