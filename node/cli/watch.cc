#include "node/cli/watch.h"

#include <charconv>
#include <iostream>
#include <thread>
#include <unistd.h>

namespace everpost::cli {
namespace {

constexpr double kSecondsUsual = 2, kSecondsMin = 0.1, kSecondsMax = 3600;

// Nothing if it is no such number. The option may stand without one.
std::optional<double> parse_seconds(const std::string& text) {
  if (text.empty() || text == "true") return kSecondsUsual;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (seconds < kSecondsMin || seconds > kSecondsMax) return std::nullopt;
  return seconds;
}

}  // namespace

Watch::Watch(CLI::App& command)
    : option_(
          command.add_option("--watch", *seconds_, "Again and again, every so many seconds (2)")
              ->type_name("[SECONDS]")
              ->expected(0, 1)) {
  // The option writes into what must live as long as the command.
  option_->check([kept = seconds_](const std::string& text) -> std::string {
    return parse_seconds(text) ? "" : "\"" + text + "\" is no time of 0.1 to 3600 seconds";
  });
}

int Watch::run(const Cli& cli, const std::function<int()>& show) const {
  if (option_->empty()) return show();
  const auto every = std::chrono::duration<double>(*parse_seconds(*seconds_));
  const bool screen = !cli.as_json && ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    if (screen) std::cout << "\033[H\033[2J";
    show();
    if (!screen && !cli.as_json) std::cout << "\n";
    std::cout.flush();
    if (!std::cout) return kRefused;
    std::this_thread::sleep_for(every);
  }
}

}  // namespace everpost::cli
