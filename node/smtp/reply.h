// Replies: a code (RFC 5321 §4.2), an enhanced code (RFC 3463), a line of text.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace everpost::node::smtp {

struct Reply {
  int code = 0;
  std::string enhanced;  // "5.7.1"; empty where RFC 2034 has none (greeting, EHLO, 354)
  std::string text;
};

// The reply as a line of kReplyLineBytes at most; a longer text is cut, between characters.
void append(std::string& to, const Reply& reply);
std::string to_string(const Reply& reply);  // without CRLF, for log lines

// A reply of several lines, one for each of `lines`. EHLO's and HELP's.
std::string multi_line(int code, std::span<const std::string> lines);

}  // namespace everpost::node::smtp
