#include "node/smtp/syntax/command_lines.h"

#include "node/smtp/limits.h"

namespace everpost::node::smtp {

CommandLines::Next CommandLines::next(std::string_view input) {
  if (dropping_) return drop(input);

  const std::size_t newline = input.find('\n');
  if (newline == input.npos) {
    if (input.size() <= kAuthLineBytes) return {Kind::kIncomplete, {}, 0};
    dropping_ = true;
    dropped_cr_ = input.ends_with('\r');
    return {Kind::kTooLong, {}, input.size()};
  }
  if (newline == 0 || input[newline - 1] != '\r') {
    dropping_ = true;
    dropped_cr_ = false;
    return {Kind::kBareNewline, {}, newline + 1};
  }
  const std::string_view line = input.substr(0, newline - 1);
  if (newline + 1 > kAuthLineBytes) return {Kind::kTooLong, {}, newline + 1};
  if (line.contains('\r')) return {Kind::kBareNewline, {}, newline + 1};
  return {Kind::kLine, line, newline + 1};
}

CommandLines::Next CommandLines::drop(std::string_view input) {
  std::size_t end = 0;  // behind the line's CRLF
  if (dropped_cr_ && input.starts_with('\n')) {
    end = 1;
  } else if (const std::size_t crlf = input.find("\r\n"); crlf != input.npos) {
    end = crlf + 2;
  }
  if (end == 0) {
    if (!input.empty()) dropped_cr_ = input.back() == '\r';
    return {Kind::kIncomplete, {}, input.size()};
  }
  dropping_ = false;
  Next found = next(input.substr(end));
  found.consumed += end;
  return found;
}

}  // namespace everpost::node::smtp
