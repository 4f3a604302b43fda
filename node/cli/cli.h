// What every command of `everpost` shares: the global options, and how results and failures are
// shown.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <functional>
#include <string>
#include <vector>

#include "node/cli/admin_client.h"
#include "node/cli/exit_code.h"

namespace everpost::cli {

struct Cli {
  bool as_json = false;
  std::string socket;  // --socket; empty: found through the configuration
  std::string config = "/etc/everpost/everpost.toml";
  std::function<int()> action;  // the command that was given, to be run once all is parsed

  // A client of the daemon that the options name. Failures: a configuration that cannot be read.
  Outcome<AdminClient> client() const;
  // Asks the daemon; shows the failure if there is one (`exit_code` then is not kOk).
  std::optional<json::object> ask(int& exit_code, const std::string& method,
                                  const std::string& target, json::object body = {},
                                  std::chrono::seconds deadline = AdminClient::kDeadline) const;
  // All pages of a list: {"domains": […]}.
  std::optional<json::array> ask_for_all(int& exit_code, const std::string& noun,
                                         const std::string& domain) const;
  // Prints {"error": …} for programs, and a message with its remedy for people.
  int fail(const Failure& failure) const;
  // The answer of a command that changed something: as JSON, or `sentence`; its warnings.
  int done(const json::object& answer, const std::string& sentence) const;
  void print_json(const json::value& value) const;
};

void add_domain_commands(CLI::App& app, Cli& cli);
void add_account_commands(CLI::App& app, Cli& cli);
void add_alias_commands(CLI::App& app, Cli& cli);
void add_cluster_commands(CLI::App& app, Cli& cli);
void add_shard_commands(CLI::App& app, Cli& cli);
void add_setting_commands(CLI::App& app, Cli& cli);
void add_status_command(CLI::App& app, Cli& cli);
void add_verify_command(CLI::App& app, Cli& cli);

// Fields of an answer; empty or 0 if they are missing.
std::string text(const json::object& object, std::string_view name);
std::uint64_t number(const json::object& object, std::string_view name);
bool flag(const json::object& object, std::string_view name);

}  // namespace everpost::cli
