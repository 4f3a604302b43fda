// Where a command gets a password from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "node/cli/admin_client.h"

namespace everpost::cli {

struct PasswordOptions {
  bool from_stdin = false;
  std::string argument;

  // --password-stdin and --password, which exclude each other.
  void add_to(CLI::App& command);
  // From where the options say; otherwise asked for twice at the terminal, without echo.
  // Failures (kUsage): no terminal, the two differ, empty.
  Outcome<std::string> read() const;
};

}  // namespace everpost::cli
