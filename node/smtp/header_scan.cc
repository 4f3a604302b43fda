#include "node/smtp/header_scan.h"

#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

// RFC 5322 §2.2: printable ASCII without colon; §4.5 allows spaces before the colon.
std::string_view field_name(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && line[end] > ' ' && line[end] <= '~' && line[end] != ':') ++end;
  const std::string_view name = line.substr(0, end);
  while (end < line.size() && (line[end] == ' ' || line[end] == '\t')) ++end;
  return end < line.size() && line[end] == ':' ? name : std::string_view{};
}

}  // namespace

void HeaderScan::scan(std::string_view message) {
  while (!complete_) {
    const std::size_t newline = message.find('\n', scanned_);
    if (newline == message.npos) return;
    complete_ = !take(message.substr(scanned_, newline - scanned_));
    if (!complete_) scanned_ = newline + 1;
  }
}

// False: the header ended before this line.
bool HeaderScan::take(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) return true;  // folded (RFC 5322 §2.2.3)
  const std::string_view name = field_name(line);
  if (name.empty()) return false;
  if (equals_ignoring_case(name, "Received"))
    ++hops_;
  else if (equals_ignoring_case(name, "Date"))
    has_date_ = true;
  else if (equals_ignoring_case(name, "Message-ID"))
    has_message_id_ = true;
  return true;
}

}  // namespace everpost::node::smtp
