#include "node/smtp/reply.h"

#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

// Cuts `line` down to `bytes`, not within a UTF-8 sequence.
void cut(std::string& line, std::size_t from, std::size_t bytes) {
  if (line.size() - from <= bytes) return;
  std::size_t end = from + bytes;
  while (end > from && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  line.resize(end);
}

}  // namespace

void append(std::string& to, const Reply& reply) {
  const std::size_t from = to.size();
  to += std::to_string(reply.code);
  to += ' ';
  if (!reply.enhanced.empty()) {
    to += reply.enhanced;
    to += ' ';
  }
  to += reply.text;
  cut(to, from, kReplyLineBytes - 2);
  to += "\r\n";
}

std::string to_string(const Reply& reply) {
  std::string line;
  append(line, reply);
  line.resize(line.size() - 2);
  return line;
}

std::string multi_line(int code, std::span<const std::string> lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += std::to_string(code);
    text += i + 1 < lines.size() ? '-' : ' ';
    text += lines[i];
    text += "\r\n";
  }
  return text;
}

}  // namespace everpost::node::smtp
