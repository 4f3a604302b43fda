#include "node/cli/password_input.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <iostream>
#include <string_view>
#include <termios.h>
#include <unistd.h>

#include "node/cli/exit_code.h"

namespace everpost::cli {
namespace {

constexpr std::size_t kPasswordBytesMax = 4096;

Failure usage(std::string message, std::string remedy) {
  return Failure{kUsage, "invalid-argument", std::move(message), std::move(remedy)};
}

// One line of a file, without its end.
std::string read_line(int file) {
  std::string line;
  char c = 0;
  while (line.size() < kPasswordBytesMax) {
    const ssize_t got = ::read(file, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n') break;
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// The user's terminal, with echo off as long as this lives.
class SilentTerminal {
 public:
  SilentTerminal() : file_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (file_ < 0 || tcgetattr(file_, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    usable_ = tcsetattr(file_, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (usable_) tcsetattr(file_, TCSAFLUSH, &before_);
    if (file_ >= 0) ::close(file_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  bool usable() const { return usable_; }
  std::string ask(std::string_view prompt) {
    if (::write(file_, prompt.data(), prompt.size()) < 0) return "";
    return read_line(file_);
  }

 private:
  int file_;
  termios before_{};
  bool usable_ = false;
};

}  // namespace

void PasswordOptions::add_to(CLI::App& command) {
  auto* standard_input = command.add_flag("--password-stdin", from_stdin,
                                          "Read the password from standard input (one line)");
  command
      .add_option("--password", argument,
                  "The password; every user of this machine can see it while the command runs")
      ->excludes(standard_input);
}

Outcome<std::string> PasswordOptions::read() const {
  if (!argument.empty()) {
    std::cerr << "everpost: note: --password shows the password to every user of this machine; "
                 "--password-stdin does not\n";
    return argument;
  }
  if (from_stdin) {
    std::string password = read_line(STDIN_FILENO);
    if (password.empty()) return usage("no password came on standard input", "send it as one line");
    return password;
  }
  SilentTerminal terminal;
  if (!terminal.usable())
    return usage("a password is needed, and there is no terminal to ask for it",
                 "send it on standard input with --password-stdin");
  std::string password = terminal.ask("Password: ");
  if (password.empty()) return usage("the password is empty", "");
  if (terminal.ask("The same again: ") != password)
    return usage("the two passwords differ; nothing was changed", "");
  return password;
}

}  // namespace everpost::cli
