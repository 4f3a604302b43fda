// everpost setting list|set|unset
#include <iostream>

#include "node/cli/cli.h"
#include "node/cli/http_client.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

struct Arguments {
  std::string name, value;
};

std::string path(const std::string& name) { return "/v1/settings/" + percent_encode(name); }

int list(const Cli& cli) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", "/v1/settings");
  if (!answer) return exit_code;
  if (cli.as_json) {
    cli.print_json(*answer);
    return kOk;
  }
  Table table({"SETTING", "VALUE"});
  const json::value* const settings = answer->if_contains("settings");
  if (settings && settings->is_object())
    for (const auto& [name, value] : settings->get_object())
      table.add({std::string(name), text(settings->get_object(), name)});
  std::cout << table.text();
  return kOk;
}

int set(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "PUT", path(arguments.name), {{"value", arguments.value}});
  return answer ? cli.done(*answer, arguments.name + " is " + arguments.value) : exit_code;
}

int unset(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "DELETE", path(arguments.name));
  return answer ? cli.done(*answer, arguments.name + " has its default") : exit_code;
}

}  // namespace

void add_setting_commands(CLI::App& app, Cli& cli) {
  CLI::App* const noun = app.add_subcommand("setting", "What is set for the whole cluster");
  noun->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  noun->add_subcommand("list", "All that are set")->callback([&cli] {
    cli.action = [&cli] { return list(cli); };
  });
  CLI::App* const change = noun->add_subcommand("set", "Sets one, on all nodes");
  change->add_option("NAME", arguments->name, "docs/configuration.md has them")->required();
  change->add_option("VALUE", arguments->value)->required();
  change->callback(
      [&cli, arguments] { cli.action = [&cli, arguments] { return set(cli, *arguments); }; });
  CLI::App* const clear = noun->add_subcommand("unset", "Back to its default");
  clear->add_option("NAME", arguments->name)->required();
  clear->callback(
      [&cli, arguments] { cli.action = [&cli, arguments] { return unset(cli, *arguments); }; });
}

}  // namespace everpost::cli
