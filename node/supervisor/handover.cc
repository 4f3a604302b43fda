#include "node/supervisor/handover.h"

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <sstream>
#include <sys/prctl.h>
#include <unistd.h>

#include "node/runtime/listen_socket.h"

namespace everpost::node {
namespace {

Error invalid(const std::string& what) {
  return {ErrorCode::kInvalidArgument, std::string(Handover::kVariable) + ": " + what};
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

bool close_at_exec(int fd) {
  const int flags = ::fcntl(fd, F_GETFD);
  return flags >= 0 && ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

}  // namespace

std::string Handover::text() const {
  std::string text = "supervisor=" + std::to_string(supervisor);
  if (restarts > 0) text += " restarts=" + std::to_string(restarts);
  if (ready >= 0) text += " ready=" + std::to_string(ready);
  if (worker > 0) text += " worker=" + std::to_string(worker);
  if (served) text += " served=1";
  for (const auto& [address, fd] : sockets) text += " socket=" + address + "=" + std::to_string(fd);
  return text;
}

Result<Handover> Handover::parse(const std::string& text) {
  Handover handover;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t first = word.find('='), last = word.rfind('=');
    if (first == word.npos) return invalid("\"" + word + "\" is not KEY=VALUE");
    const std::string key = word.substr(0, first);
    const auto value = number(std::string_view(word).substr(last + 1));
    if (key != "socket" && first != last) continue;
    if (key == "socket") {
      if (first == last || !value) return invalid("\"" + word + "\" is not socket=ADDRESS=FD");
      handover.sockets[word.substr(first + 1, last - first - 1)] = *value;
      continue;
    }
    const bool known = key == "supervisor" || key == "restarts" || key == "ready" ||
                       key == "worker" || key == "served";
    if (!known) continue;
    if (!value) return invalid("\"" + word + "\" is not a number");
    if (key == "supervisor") handover.supervisor = *value;
    if (key == "restarts") handover.restarts = static_cast<unsigned>(*value);
    if (key == "ready") handover.ready = *value;
    if (key == "worker") handover.worker = *value;
    if (key == "served") handover.served = *value != 0;
  }
  if (handover.supervisor <= 0) return invalid("supervisor is missing");
  return handover;
}

Result<Handover> Handover::take() {
  const char* variable = std::getenv(kVariable);
  if (!variable) return Error{ErrorCode::kNotFound, std::string(kVariable) + " is not set"};
  const std::string text = variable;
  ::unsetenv(kVariable);
  ASSIGN_OR_RETURN(Handover handover, parse(text));
  for (const auto& [address, fd] : handover.sockets)
    if (!listens_at(fd, address) || !close_at_exec(fd))
      return invalid("descriptor " + std::to_string(fd) + " does not listen at " + address);
  if (handover.ready >= 0 && !close_at_exec(handover.ready))
    return invalid("descriptor " + std::to_string(handover.ready) + " is not open");
  return handover;
}

void Handover::say_ready() {
  if (ready < 0) return;
  const char byte = 'r';
  (void)!::write(ready, &byte, 1);  // a supervisor that is gone takes us with it
  ::close(ready);
  ready = -1;
}

Result<void> die_with(pid_t supervisor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor)  // it went before the call above
    return Error{ErrorCode::kUnavailable, "the supervisor is gone"};
  return {};
}

}  // namespace everpost::node
