// everpost domain add|list|remove|show
#include <iostream>

#include "node/cli/cli.h"
#include "node/cli/http_client.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

std::string path(const std::string& name) { return "/v1/domains/" + percent_encode(name); }

int add(const Cli& cli, const std::string& name) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "POST", "/v1/domains", {{"name", name}});
  return answer ? cli.done(*answer, "domain " + text(*answer, "name") + " added") : exit_code;
}

int list(const Cli& cli) {
  int exit_code = kOk;
  const auto domains = cli.ask_for_all(exit_code, "domains", "");
  if (!domains) return exit_code;
  if (cli.as_json) {
    cli.print_json({{"domains", *domains}});
    return kOk;
  }
  Table table({"DOMAIN", "SINCE"});
  for (const json::value& domain : *domains)
    table.add({text(domain.as_object(), "name"), text(domain.as_object(), "created")});
  std::cout << table.text();
  return kOk;
}

int show(const Cli& cli, const std::string& name) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", path(name));
  if (!answer) return exit_code;
  if (cli.as_json) {
    cli.print_json(*answer);
    return kOk;
  }
  Table table({"domain", text(*answer, "name")});
  table.add({"since", text(*answer, "created")});
  table.add({"accounts", std::to_string(number(*answer, "accounts"))});
  table.add({"aliases", std::to_string(number(*answer, "aliases"))});
  std::cout << table.text();
  return kOk;
}

int remove(const Cli& cli, const std::string& name) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "DELETE", path(name));
  return answer ? cli.done(*answer, "domain " + text(*answer, "name") + " removed") : exit_code;
}

}  // namespace

void add_domain_commands(CLI::App& app, Cli& cli) {
  CLI::App* noun = app.add_subcommand("domain", "Domains whose mail comes here");
  noun->require_subcommand(1);
  const auto name = std::make_shared<std::string>();

  CLI::App* verb = noun->add_subcommand("add", "Take mail for a domain");
  verb->add_option("domain", *name, "example.org; with umlauts or as xn--…")->required();
  verb->callback([&cli, name] { cli.action = [&cli, name] { return add(cli, *name); }; });

  verb = noun->add_subcommand("list", "All domains");
  verb->callback([&cli] { cli.action = [&cli] { return list(cli); }; });

  verb = noun->add_subcommand("show", "One domain, and how much is in it");
  verb->add_option("domain", *name, "The domain")->required();
  verb->callback([&cli, name] { cli.action = [&cli, name] { return show(cli, *name); }; });

  verb = noun->add_subcommand("remove", "Take no more mail for a domain; it must be empty");
  verb->add_option("domain", *name, "The domain")->required();
  verb->callback([&cli, name] { cli.action = [&cli, name] { return remove(cli, *name); }; });
}

}  // namespace everpost::cli
