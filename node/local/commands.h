// everpost local up|status|kill|stop|cont|start|cut|heal|down
#pragma once

#include <CLI/CLI.hpp>

#include "node/cli/cli.h"

namespace everpost::local {

void add_local_commands(CLI::App& app, cli::Cli& cli);

struct UpOptions {
  unsigned nodes = 1;
  unsigned zookeepers = 0;  // 0: one for several nodes, none for a single one
  unsigned shards = 0;      // of mail, in a cluster; 0: as many as there are nodes
  std::string folder = "everpost-local";
  unsigned base_port = 21000;
  std::string domain = "example.test";
  unsigned accounts = 2;
  std::string password;  // empty: a random one
};
struct CutOptions {
  std::string end;       // "1", "zookeeper"
  std::string from;      // the other side; empty: all of them
  bool one_way = false;  // only what `end` sends is lost
};
// Each returns an exit code. `name`: "1", "zookeeper1", "zookeeper" (all of them).
int up(const cli::Cli& cli, const UpOptions& options);
int status(const cli::Cli& cli, const std::string& folder);
int kill(const cli::Cli& cli, const std::string& folder, const std::string& name);
int stop(const cli::Cli& cli, const std::string& folder, const std::string& name);
int cont(const cli::Cli& cli, const std::string& folder, const std::string& name);
int start(const cli::Cli& cli, const std::string& folder, const std::string& name);
int cut(const cli::Cli& cli, const std::string& folder, const CutOptions& options);
int heal(const cli::Cli& cli, const std::string& folder, const std::string& end);
// The process behind cut and heal (forwarder.h), until it is told to end.
int network(const cli::Cli& cli, const std::string& folder);
int down(const cli::Cli& cli, const std::string& folder, bool remove);

class Installation;
// {"nodes": [{"id": 1, "pids": [4711], "ports": {"smtp": 21025, …}}]}; of a cluster also
// "zookeepers": [{"id": 1, "pids": [4712], "port": 21218}],
// "network": {"pids": [4713], "cut": ["1>2"]}
cli::json::object to_json(const Installation& installation);
// The same for people.
std::string to_table(const Installation& installation);
// An error of this folder's functions, as the user is told.
cli::Failure to_failure(const Error& error, std::string remedy = "");

}  // namespace everpost::local
