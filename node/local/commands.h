// everpost local up|status|kill|stop|cont|start|down
#pragma once

#include <CLI/CLI.hpp>

#include "node/cli/cli.h"

namespace everpost::local {

void add_local_commands(CLI::App& app, cli::Cli& cli);

struct UpOptions {
  unsigned nodes = 1;
  std::string folder = "everpost-local";
  unsigned base_port = 21000;
  std::string domain = "example.test";
  unsigned accounts = 2;
  std::string password;  // empty: a random one
};
// Each returns an exit code.
int up(const cli::Cli& cli, const UpOptions& options);
int status(const cli::Cli& cli, const std::string& folder);
int kill(const cli::Cli& cli, const std::string& folder, unsigned node);
int stop(const cli::Cli& cli, const std::string& folder, unsigned node);
int cont(const cli::Cli& cli, const std::string& folder, unsigned node);
int start(const cli::Cli& cli, const std::string& folder, unsigned node);
int down(const cli::Cli& cli, const std::string& folder, bool remove);

class Installation;
// {"nodes": [{"id": 1, "pids": [4711], "ports": {"smtp": 21025, …}}]}
cli::json::object to_json(const Installation& installation);
// The same for people.
std::string to_table(const Installation& installation);
// An error of this folder's functions, as the user is told.
cli::Failure to_failure(const Error& error, std::string remedy = "");

}  // namespace everpost::local
