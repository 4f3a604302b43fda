// everpost status, everpost verify
#include <iostream>

#include "node/cli/cluster_answer.h"
#include "node/cli/watch.h"

namespace everpost::cli {
namespace {

// Everything is read once: at 100 MB/s this is enough for 8 TB.
constexpr std::chrono::hours kVerifyMax{24};

int status(const Cli& cli) {
  int exit_code = kOk;
  const auto answer = ask_for_cluster(cli, exit_code);
  if (!answer) return exit_code;
  const bool ok = text(*answer, "status") == "ok";
  if (cli.as_json) {
    cli.print_json(*answer);
    return ok ? kOk : kDegraded;
  }
  const json::value* const problems = answer->if_contains("problems");
  if (ok) {
    std::cout << "ok: every shard has its primary and all of its copies in sync\n";
  } else if (problems && problems->is_array()) {
    std::cout << "degraded:\n";
    for (const json::value& problem : problems->get_array())
      if (problem.is_string()) std::cout << "  " << std::string_view(problem.get_string()) << "\n";
  }
  std::cout << "\n" << nodes_table(*answer) << "\n" << shards_table(*answer);
  return ok ? kOk : kDegraded;
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
  CLI::App* const command = app.add_subcommand("status", "How the nodes and their shards are");
  command->callback([&cli, watch = Watch(*command)] {
    cli.action = [&cli, watch] { return watch.run(cli, [&cli] { return status(cli); }); };
  });
}

void add_verify_command(CLI::App& app, Cli& cli) {
  app.add_subcommand("verify", "Read everything and check every checksum; takes its time")
      ->callback([&cli] { cli.action = [&cli] { return verify(cli); }; });
}

}  // namespace everpost::cli
