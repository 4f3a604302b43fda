// everpost local status|kill|stop|cont|start|cut|heal|down
#include <algorithm>
#include <csignal>
#include <functional>
#include <iostream>
#include <sstream>

#include "node/cli/table.h"
#include "node/local/commands.h"
#include "node/local/daemon.h"
#include "node/local/forwarder.h"

namespace everpost::local {
namespace {

// Opens the installation and does something with one of its nodes, or with ZooKeeper servers.
int with_daemons(
    const cli::Cli& cli, const std::string& folder, const std::string& name,
    const std::function<Result<void>(Installation&, const std::vector<Daemon*>&)>& work,
    const std::string& done) {
  auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  const auto daemons = installation->find(name);
  if (!daemons) return cli.fail(to_failure(daemons.error()));
  if (const auto worked = work(*installation, *daemons); !worked)
    return cli.fail(to_failure(worked.error()));
  if (cli.as_json) {
    cli.print_json(to_json(*installation));
  } else {
    for (const Daemon* daemon : *daemons) std::cout << daemon->name << " " << done << "\n";
  }
  return cli::kOk;
}

int signal_daemons(const cli::Cli& cli, const std::string& folder, const std::string& name,
                   int signal, ProcessState wanted, const std::string& done) {
  return with_daemons(
      cli, folder, name,
      [&](Installation&, const std::vector<Daemon*>& daemons) -> Result<void> {
        for (const Daemon* daemon : daemons)
          RETURN_IF_ERROR(send_and_wait(*daemon, signal, wanted));
        return {};
      },
      done);
}

// Tells the network something; shows the state afterwards.
int tell_network(const cli::Cli& cli, const std::string& folder,
                 const std::function<Result<std::string>(const Installation&)>& command,
                 const std::string& done) {
  const auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  if (!installation->is_cluster())
    return cli.fail({cli::kRefused, "unsupported",
                     installation->folder() + " has a single node: there is nothing to cut",
                     "make a cluster: everpost local up --nodes 3"});
  const auto text = command(*installation);
  const auto told = text ? ask_network(installation->network_socket(), *text) : text;
  if (!told)
    return cli.fail(
        to_failure(told.error(), told.error().code == ErrorCode::kUnavailable
                                     ? "stop and start the installation: everpost local down, up"
                                     : ""));
  if (cli.as_json)
    cli.print_json(to_json(*installation));
  else
    std::cout << done << "; cut now: " << (told->empty() ? "nothing" : *told) << "\n";
  return cli::kOk;
}

bool among(const std::vector<Daemon*>& daemons, const Daemon& daemon) {
  return std::ranges::find(daemons, &daemon) != daemons.end();
}

std::string pids_text(const std::vector<Process>& processes) {
  std::string pids;
  for (const Process& process : processes)
    pids += (pids.empty() ? "" : " ") + std::to_string(process.pid);
  return pids.empty() ? "-" : pids;
}

bool stopped(const std::vector<Process>& processes) {
  return std::ranges::any_of(processes, [](const Process& process) {
    return state_of(process) == ProcessState::kStopped;
  });
}

std::string state_text(const LocalNode& node, const std::vector<Process>& processes) {
  if (processes.empty()) return "down";
  if (stopped(processes)) return "stopped";
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
  if (!installation.is_cluster()) return result;
  const auto pids_of = [](const Daemon& daemon) {
    cli::json::array pids;
    for (const Process& process : processes_of(daemon)) pids.push_back(process.pid);
    return pids;
  };
  cli::json::array& servers = result["zookeepers"].emplace_array();
  for (const LocalZooKeeper& server : installation.zookeepers)
    servers.push_back({{"id", server.id},
                       {"pids", pids_of(server)},
                       {"port", installation.server(server.id).client_port}});
  cli::json::object& network = result["network"].emplace_object();
  network["pids"] = pids_of(installation.network);
  cli::json::array& cut = network["cut"].emplace_array();
  std::istringstream pairs(ask_network(installation.network_socket(), "list").value_or(""));
  for (std::string pair; pairs >> pair;) cut.emplace_back(pair);
  return result;
}

std::string to_table(const Installation& installation) {
  cli::Table table({"NODE", "STATE", "PIDS", "SMTP", "SUBMISSION", "SUBMISSIONS", "LMTP", "IMAP",
                    "IMAPS", "HTTP"});
  for (const LocalNode& node : installation.nodes) {
    const std::vector<Process> processes = processes_of(node);
    std::vector<std::string> row{std::to_string(node.id), state_text(node, processes),
                                 pids_text(processes)};
    for (const char* protocol :
         {"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "http"}) {
      const auto port = node.ports.find(protocol);
      row.push_back(port == node.ports.end() ? "-" : std::to_string(port->second));
    }
    table.add(std::move(row));
  }
  std::string text = table.text();
  if (!installation.is_cluster()) return text;
  cli::Table servers({"ZOOKEEPER", "STATE", "PIDS", "PORT"});
  for (const LocalZooKeeper& server : installation.zookeepers) {
    const std::vector<Process> processes = processes_of(server);
    const std::string mode =
        stopped(processes) ? "stopped" : cluster::mode_of(installation.server(server.id));
    servers.add({std::to_string(server.id),
                 processes.empty() ? "down"
                 : mode.empty()    ? "not serving"
                                   : mode,
                 pids_text(processes), std::to_string(installation.server(server.id).client_port)});
  }
  text += "\n" + servers.text();
  const auto cut = ask_network(installation.network_socket(), "list");
  if (cut && !cut->empty()) text += "\ncut: " + *cut + "\n";
  return text;
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

int kill(const cli::Cli& cli, const std::string& folder, const std::string& name) {
  return signal_daemons(cli, folder, name, SIGKILL, ProcessState::kGone, "killed");
}

int stop(const cli::Cli& cli, const std::string& folder, const std::string& name) {
  return signal_daemons(cli, folder, name, SIGSTOP, ProcessState::kStopped,
                        "stopped; cont lets it go on");
}

int cont(const cli::Cli& cli, const std::string& folder, const std::string& name) {
  return signal_daemons(cli, folder, name, SIGCONT, ProcessState::kRunning, "goes on");
}

int start(const cli::Cli& cli, const std::string& folder, const std::string& name) {
  return with_daemons(
      cli, folder, name,
      [](Installation& installation, const std::vector<Daemon*>& daemons) -> Result<void> {
        for (const Daemon* daemon : daemons)
          if (!processes_of(*daemon).empty())
            return Error{ErrorCode::kAlreadyExists, daemon->name + " is running already"};
        std::vector<LocalZooKeeper*> servers;
        for (LocalZooKeeper& server : installation.zookeepers)
          if (among(daemons, server)) servers.push_back(&server);
        if (!servers.empty()) return start(installation, servers);
        for (LocalNode& node : installation.nodes) {
          if (!among(daemons, node)) continue;
          RETURN_IF_ERROR(launch(installation, node));
          RETURN_IF_ERROR(wait_until_answers(installation, node));
        }
        return {};
      },
      "serves");
}

int cut(const cli::Cli& cli, const std::string& folder, const CutOptions& options) {
  return tell_network(
      cli, folder,
      [&options](const Installation& installation) -> Result<std::string> {
        std::vector<std::string> ends{"zookeeper"};
        for (const LocalNode& node : installation.nodes) ends.push_back(std::to_string(node.id));
        for (const std::string& name : {options.end, options.from})
          if (!name.empty() && std::ranges::find(ends, name) == ends.end())
            return Error{ErrorCode::kNotFound,
                         installation.folder() + ": there is no node " + name};
        if (options.end == options.from)
          return Error{ErrorCode::kInvalidArgument, "--from has to be another one than the node"};
        std::string command = "cut";
        for (const std::string& other : ends) {
          if (other == options.end || (!options.from.empty() && other != options.from)) continue;
          command += " " + options.end + ">" + other;
          if (!options.one_way) command += " " + other + ">" + options.end;
        }
        return command;
      },
      options.end + " is cut off");
}

int heal(const cli::Cli& cli, const std::string& folder, const std::string& end) {
  return tell_network(
      cli, folder, [&end](const Installation&) -> Result<std::string> { return "heal " + end; },
      end + " is healed");
}

int network(const cli::Cli& cli, const std::string& folder) {
  // Whoever started us has the lock.
  const auto installation = Installation::look(folder);
  if (!installation) return cli.fail(to_failure(installation.error()));
  const auto run = run_network(*installation);
  return run ? cli::kOk : cli.fail(to_failure(run.error()));
}

int down(const cli::Cli& cli, const std::string& folder, bool remove) {
  auto installation = Installation::open(folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "name the folder with --dir"));
  if (const auto ended = end_all(*installation); !ended) return cli.fail(to_failure(ended.error()));
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
