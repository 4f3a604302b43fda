// everpost account add|list|remove|show|set-password|set-quota|enable|disable
#include <iostream>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/http_client.h"
#include "node/cli/password_input.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

struct Arguments {
  std::string address, domain, display_name, quota;
  PasswordOptions password;
  bool no_password = false, yes = false;
};

std::string path(const std::string& address) { return "/v1/accounts/" + percent_encode(address); }

Outcome<std::uint64_t> quota_of(const std::string& text) {
  if (text == "none") return std::uint64_t{0};
  if (const auto bytes = parse_size(text)) return *bytes;
  return Failure{kUsage, "invalid-argument", "\"" + text + "\" is no size",
                 "write it like 20000, \"500 MiB\" or 5G; 0 or none for no quota"};
}

std::string quota_text(std::uint64_t bytes) { return bytes == 0 ? "none" : size_text(bytes); }

int add(const Cli& cli, const Arguments& arguments) {
  json::object body{{"address", arguments.address}};
  if (!arguments.display_name.empty()) body["display_name"] = arguments.display_name;
  if (!arguments.quota.empty()) {
    const auto quota = quota_of(arguments.quota);
    if (!quota) return cli.fail(quota.error());
    body["quota_bytes"] = *quota;
  }
  if (!arguments.no_password) {
    const auto password = arguments.password.read();
    if (!password) return cli.fail(password.error());
    body["password"] = *password;
  }
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "POST", "/v1/accounts", std::move(body));
  if (!answer) return exit_code;
  std::string sentence = "account " + text(*answer, "address") + " added";
  if (arguments.no_password) sentence += "; it cannot log in before: everpost account set-password";
  return cli.done(*answer, sentence);
}

int list(const Cli& cli, const Arguments& arguments) {
  int exit_code = kOk;
  const auto accounts = cli.ask_for_all(exit_code, "accounts", arguments.domain);
  if (!accounts) return exit_code;
  if (cli.as_json) {
    cli.print_json({{"accounts", *accounts}});
    return kOk;
  }
  Table table({"ADDRESS", "NAME", "STATE", "QUOTA", "SHARD"});
  for (const json::value& value : *accounts) {
    const json::object& account = value.as_object();
    table.add({text(account, "address"), text(account, "display_name"),
               flag(account, "enabled") ? "on" : "off", quota_text(number(account, "quota_bytes")),
               std::to_string(number(account, "shard"))});
  }
  std::cout << table.text();
  return kOk;
}

int show(const Cli& cli, const std::string& address) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", path(address));
  if (!answer) return exit_code;
  if (cli.as_json) {
    cli.print_json(*answer);
    return kOk;
  }
  Table table({"account", text(*answer, "address")});
  table.add({"name", text(*answer, "display_name")});
  table.add({"state", flag(*answer, "enabled") ? "on" : "off: no login, no mail"});
  table.add({"password", flag(*answer, "has_password") ? "set" : "none"});
  table.add({"quota", quota_text(number(*answer, "quota_bytes"))});
  table.add({"used", size_text(number(*answer, "used_bytes")) + " in " +
                         std::to_string(number(*answer, "messages")) + " messages"});
  table.add({"shard", std::to_string(number(*answer, "shard"))});
  table.add({"since", text(*answer, "created")});
  std::cout << table.text();
  return kOk;
}

// Asks before mail is destroyed, if there is somebody to ask.
bool may_remove(const Arguments& arguments) {
  if (arguments.yes || ::isatty(STDIN_FILENO) == 0) return true;
  std::cerr << "Remove " << arguments.address << " with all of its mail? Type yes: ";
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

int remove(const Cli& cli, const Arguments& arguments) {
  if (!may_remove(arguments))
    return cli.fail({kRefused, "permission-denied", "nothing was removed", ""});
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "DELETE", path(arguments.address));
  return answer ? cli.done(*answer, "account " + text(*answer, "address") + " removed") : exit_code;
}

int set_password(const Cli& cli, const Arguments& arguments) {
  const auto password = arguments.password.read();
  if (!password) return cli.fail(password.error());
  int exit_code = kOk;
  const auto answer =
      cli.ask(exit_code, "PUT", path(arguments.address) + "/password", {{"password", *password}});
  return answer ? cli.done(*answer, "password of " + text(*answer, "address") + " set") : exit_code;
}

int change(const Cli& cli, const std::string& address, json::object body, const std::string& what) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "PATCH", path(address), std::move(body));
  return answer ? cli.done(*answer, "account " + text(*answer, "address") + " " + what) : exit_code;
}

int set_quota(const Cli& cli, const Arguments& arguments) {
  const auto quota = quota_of(arguments.quota);
  if (!quota) return cli.fail(quota.error());
  return change(cli, arguments.address, {{"quota_bytes", *quota}},
                "has a quota of " + quota_text(*quota));
}

CLI::App* add_verb(CLI::App& noun, const std::string& name, const std::string& description,
                   Arguments& arguments) {
  CLI::App* verb = noun.add_subcommand(name, description);
  verb->add_option("address", arguments.address, "user@example.org")->required();
  return verb;
}

}  // namespace

void add_account_commands(CLI::App& app, Cli& cli) {
  CLI::App* noun = app.add_subcommand("account", "People (or programs) with mailboxes here");
  noun->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto run = [&cli, arguments](CLI::App* verb, int (*command)(const Cli&, const Arguments&)) {
    verb->callback([&cli, arguments, command] {
      cli.action = [&cli, arguments, command] { return command(cli, *arguments); };
    });
  };

  CLI::App* verb = add_verb(*noun, "add", "Make an account with its mailboxes", *arguments);
  verb->add_option("--display-name", arguments->display_name, "The owner's name");
  verb->add_option("--quota", arguments->quota, "\"500 MiB\", 5G; without it there is none");
  arguments->password.add_to(*verb);
  verb->add_flag("--no-password", arguments->no_password, "It takes mail, but cannot log in yet");
  run(verb, add);

  verb = noun->add_subcommand("list", "All accounts");
  verb->add_option("--domain", arguments->domain, "Only those of this domain");
  run(verb, list);

  verb = add_verb(*noun, "show", "One account, and how much mail it has", *arguments);
  run(verb, [](const Cli& c, const Arguments& a) { return show(c, a.address); });

  verb = add_verb(*noun, "remove", "Remove an account with all of its mail", *arguments);
  verb->add_flag("--yes", arguments->yes, "Do not ask");
  run(verb, remove);

  verb = add_verb(*noun, "set-password", "Give an account another password", *arguments);
  arguments->password.add_to(*verb);
  run(verb, set_password);

  verb = add_verb(*noun, "set-quota", "Limit how much mail an account may have", *arguments);
  verb->add_option("quota", arguments->quota, "\"500 MiB\", 5G; 0 or none for no quota")
      ->required();
  run(verb, set_quota);

  verb = add_verb(*noun, "enable", "Let an account log in and take mail again", *arguments);
  run(verb, [](const Cli& c, const Arguments& a) {
    return change(c, a.address, {{"enabled", true}}, "is on");
  });

  verb = add_verb(*noun, "disable", "No login, no mail; what is there stays", *arguments);
  run(verb, [](const Cli& c, const Arguments& a) {
    return change(c, a.address, {{"enabled", false}}, "is off");
  });
}

}  // namespace everpost::cli
