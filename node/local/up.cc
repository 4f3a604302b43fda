// everpost local up
#include <csignal>
#include <iostream>
#include <openssl/rand.h>
#include <unistd.h>

#include "node/local/accounts.h"
#include "node/local/commands.h"
#include "node/local/configuration.h"
#include "node/local/daemon.h"

namespace everpost::local {
namespace {

// 12 letters and digits that look like no others.
std::string random_password() {
  static constexpr char kLetters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  unsigned char bytes[12];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return "";
  std::string password;
  for (const unsigned char byte : bytes) password += kLetters[byte % 32];
  return password;
}

// How many accounts are made, on a terminal in one line, otherwise every hundred.
class Progress {
 public:
  explicit Progress(unsigned count) : count_(count), terminal_(::isatty(STDERR_FILENO) != 0) {}
  void operator()(unsigned done) const {
    if (terminal_)
      std::cerr << "\raccounts: " << done << " of " << count_ << (done == count_ ? "\n" : "")
                << std::flush;
    else if (done % 100 == 0)
      std::cerr << "accounts: " << done << " of " << count_ << "\n";
  }

 private:
  unsigned count_;
  bool terminal_;
};

Result<void> start_all(Installation& installation, const UpOptions& options) {
  for (const LocalNode& node : installation.nodes)
    if (!processes_of(node).empty())
      return Error{ErrorCode::kAlreadyExists,
                   installation.folder() + ": node " + std::to_string(node.id) +
                       " is running already; see `everpost local status`, or stop it with "
                       "`everpost local down`"};
  installation.domain = options.domain;
  installation.nodes.clear();
  for (unsigned id = 1; id <= options.nodes; ++id) {
    LocalNode node;
    node.id = id;
    node.ports = Installation::ports_of(id, options.base_port);
    installation.nodes.push_back(std::move(node));
  }
  RETURN_IF_ERROR(installation.save());  // from here on the folder is ours
  for (const LocalNode& node : installation.nodes)
    RETURN_IF_ERROR(check_ports_are_free(node.ports));
  for (LocalNode& node : installation.nodes) {
    RETURN_IF_ERROR(configure(installation, node));
    RETURN_IF_ERROR(start(installation, node));
  }
  return {};
}

}  // namespace

int up(const cli::Cli& cli, const UpOptions& options) {
  std::string password = options.password;
  if (password.empty() && options.accounts > 0) {
    if (cli.as_json)
      return cli.fail({cli::kUsage, "invalid-argument", "--json needs --password",
                       "without it a random one is made, and printed in the table only"});
    password = random_password();
  }
  auto installation = Installation::open_or_make(options.folder);
  if (!installation)
    return cli.fail(to_failure(installation.error(), "choose another folder with --dir"));
  if (const auto started = start_all(*installation, options); !started)
    return cli.fail(to_failure(started.error()));

  const cli::AdminClient admin(installation->socket(1));
  const auto made =
      make_accounts(admin, options.domain, options.accounts, password, Progress(options.accounts));
  if (!made) {  // nothing half-made runs on
    for (const LocalNode& node : installation->nodes)
      if (const auto ended = end(node); !ended) cli.fail(to_failure(ended.error()));
    return cli.fail(made.error());
  }
  if (cli.as_json) {
    cli.print_json(to_json(*installation));
    return cli::kOk;
  }
  std::cout << to_table(*installation);
  if (options.accounts > 0)
    std::cout << "\naccounts  " << account_address(1, options.domain)
              << (options.accounts > 1 ? " … " + account_address(options.accounts, options.domain)
                                       : "")
              << "\npassword  " << password << "\n";
  std::cout << "socket    " << installation->socket(1) << "\nlog       "
            << installation->log_file(1) << "\n";
  return cli::kOk;
}

}  // namespace everpost::local
