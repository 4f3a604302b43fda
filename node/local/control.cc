// everpost local status|kill|stop|cont|start|down
#include <csignal>
#include <iostream>

#include "node/cli/table.h"
#include "node/local/commands.h"
#include "node/local/daemon.h"

namespace everpost::local {
namespace {

Error no_such_node(const Installation& installation, unsigned id) {
  return Error{ErrorCode::kNotFound,
               installation.folder() + ": there is no node " + std::to_string(id)};
}

// Opens the installation and does something with one of its nodes.
int with_node(const cli::Cli& cli, const std::string& folder, unsigned id,
              Result<void> (*work)(Installation&, LocalNode&), const std::string& done) {
  auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  LocalNode* node = installation->node(id);
  if (!node) return cli.fail(to_failure(no_such_node(*installation, id)));
  if (const auto worked = work(*installation, *node); !worked)
    return cli.fail(to_failure(worked.error()));
  if (cli.as_json)
    cli.print_json(to_json(*installation));
  else
    std::cout << "node " << id << " " << done << "\n";
  return cli::kOk;
}

std::string state_text(const LocalNode& node, const std::vector<Process>& processes) {
  if (processes.empty()) return "down";
  for (const Process& process : processes)
    if (state_of(process) == ProcessState::kStopped) return "stopped";
  return answers(node) ? "serving" : "not answering";
}

}  // namespace

cli::json::object to_json(const Installation& installation) {
  cli::json::object result;
  cli::json::array& nodes = result["nodes"].emplace_array();
  for (const LocalNode& node : installation.nodes) {
    cli::json::object object{{"id", node.id}};
    cli::json::array& pids = object["pids"].emplace_array();
    for (const Process& process : processes_of(node)) pids.push_back(process.pid);
    cli::json::object& ports = object["ports"].emplace_object();
    for (const auto& [protocol, port] : node.ports) ports[protocol] = port;
    nodes.push_back(std::move(object));
  }
  return result;
}

std::string to_table(const Installation& installation) {
  cli::Table table({"NODE", "STATE", "PIDS", "SMTP", "SUBMISSION", "SUBMISSIONS", "LMTP", "IMAP",
                    "IMAPS", "HTTP"});
  for (const LocalNode& node : installation.nodes) {
    const std::vector<Process> processes = processes_of(node);
    std::string pids;
    for (const Process& process : processes)
      pids += (pids.empty() ? "" : " ") + std::to_string(process.pid);
    std::vector<std::string> row{std::to_string(node.id), state_text(node, processes),
                                 pids.empty() ? "-" : pids};
    for (const char* protocol :
         {"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "http"}) {
      const auto port = node.ports.find(protocol);
      row.push_back(port == node.ports.end() ? "-" : std::to_string(port->second));
    }
    table.add(std::move(row));
  }
  return table.text();
}

cli::Failure to_failure(const Error& error, std::string remedy) {
  return {cli::kRefused, std::string(to_string(error.code)), error.context, std::move(remedy)};
}

int status(const cli::Cli& cli, const std::string& folder) {
  const auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  if (cli.as_json)
    cli.print_json(to_json(*installation));
  else
    std::cout << to_table(*installation);
  return cli::kOk;
}

int kill(const cli::Cli& cli, const std::string& folder, unsigned node) {
  return with_node(
      cli, folder, node,
      [](Installation&, LocalNode& n) { return send_and_wait(n, SIGKILL, ProcessState::kGone); },
      "killed");
}

int stop(const cli::Cli& cli, const std::string& folder, unsigned node) {
  return with_node(
      cli, folder, node,
      [](Installation&, LocalNode& n) { return send_and_wait(n, SIGSTOP, ProcessState::kStopped); },
      "stopped; cont lets it go on");
}

int cont(const cli::Cli& cli, const std::string& folder, unsigned node) {
  return with_node(
      cli, folder, node,
      [](Installation&, LocalNode& n) { return send_and_wait(n, SIGCONT, ProcessState::kRunning); },
      "goes on");
}

int start(const cli::Cli& cli, const std::string& folder, unsigned node) {
  return with_node(
      cli, folder, node,
      [](Installation& installation, LocalNode& n) -> Result<void> {
        if (!processes_of(n).empty())
          return Error{ErrorCode::kAlreadyExists,
                       "node " + std::to_string(n.id) + " is running already"};
        return start(installation, n);
      },
      "serves");
}

int down(const cli::Cli& cli, const std::string& folder, bool remove) {
  auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  for (LocalNode& node : installation->nodes) {
    if (const auto ended = end(node); !ended) return cli.fail(to_failure(ended.error()));
    node.process.reset();
  }
  const auto written = remove ? installation->remove() : installation->save();
  if (!written) return cli.fail(to_failure(written.error()));
  if (cli.as_json)
    cli.print_json(to_json(*installation));
  else
    std::cout << installation->folder() << ": nothing runs"
              << (remove ? ", and nothing is left\n" : "; its mail is still there\n");
  return cli::kOk;
}

}  // namespace everpost::local
