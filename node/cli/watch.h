// --watch [SECONDS]: shows the same again and again, until it is interrupted.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/cli/cli.h"

namespace everpost::cli {

class Watch {
 public:
  // Adds the option to a command.
  explicit Watch(CLI::App& command);
  // Calls `show` once, or again and again; returns what it returned last.
  int run(const Cli& cli, const std::function<int()>& show) const;

 private:
  const std::shared_ptr<std::string> seconds_ = std::make_shared<std::string>();
  CLI::Option* option_;
};

}  // namespace everpost::cli
