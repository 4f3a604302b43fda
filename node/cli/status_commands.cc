// everpost status, everpost verify
#include <iostream>

#include "node/cli/cli.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

// Everything is read once: at 100 MB/s this is enough for 8 TB.
constexpr std::chrono::hours kVerifyMax{24};

int status(const Cli& cli) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "GET", "/v1/status");
  if (!answer) return exit_code;
  const bool ok = text(*answer, "status") == "ok";
  if (cli.as_json) {
    cli.print_json(*answer);
    return ok ? kOk : kRefused;
  }
  json::object node;
  if (const json::value* value = answer->if_contains("node"); value && value->is_object())
    node = value->get_object();
  std::cout << "node " << number(node, "id") << " (" << text(node, "hostname") << "), version "
            << text(node, "version") << ", up " << duration_text(number(node, "uptime_seconds"))
            << ": " << (ok ? "serving" : "a shard has failed, see the daemon's log") << "\n\n";
  Table table({"SHARD", "KIND", "ROLE", "STATE", "EPOCH", "DURABLE LSN", "APPLIED LSN", "ON DISK",
               "DIGEST"});
  if (const json::value* shards = answer->if_contains("shards"); shards && shards->is_array())
    for (const json::value& value : shards->get_array()) {
      const json::object& shard = value.as_object();
      table.add({std::to_string(number(shard, "shard")), text(shard, "kind"), text(shard, "role"),
                 text(shard, "state"), std::to_string(number(shard, "epoch")),
                 std::to_string(number(shard, "durable_lsn")),
                 std::to_string(number(shard, "applied_lsn")),
                 size_text(number(shard, "disk_bytes")), text(shard, "digest")});
    }
  std::cout << table.text();
  return ok ? kOk : kRefused;
}

int verify(const Cli& cli) {
  int exit_code = kOk;
  const auto answer = cli.ask(exit_code, "POST", "/v1/verify", {}, kVerifyMax);
  if (!answer) return exit_code;
  std::size_t findings = 0;
  const json::value* list = answer->if_contains("findings");
  if (list && list->is_array()) findings = list->get_array().size();
  if (cli.as_json) {
    cli.print_json(*answer);
  } else if (findings == 0) {
    std::cout << "every checksum of every shard is right\n";
  } else {
    for (const json::value& finding : list->get_array())
      if (finding.is_string()) std::cout << std::string_view(finding.get_string()) << "\n";
    std::cout.flush();
    std::cerr << "everpost: " << findings << " findings\n"
              << "  stop the daemon, keep a copy of the data folder, and check the disk\n";
  }
  return findings == 0 ? kOk : kRefused;
}

}  // namespace

void add_status_command(CLI::App& app, Cli& cli) {
  app.add_subcommand("status", "How the node and its shards are")->callback([&cli] {
    cli.action = [&cli] { return status(cli); };
  });
}

void add_verify_command(CLI::App& app, Cli& cli) {
  app.add_subcommand("verify", "Read everything and check every checksum; takes its time")
      ->callback([&cli] { cli.action = [&cli] { return verify(cli); }; });
}

}  // namespace everpost::cli
