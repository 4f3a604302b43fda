#include "node/mime/lexer.h"

#include <algorithm>

namespace everpost::node::mime {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_token(char c) {  // RFC 2045 §5.1
  if (static_cast<unsigned char>(c) <= ' ' || c == 127) return false;
  return std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

}  // namespace

bool Lexer::skip_cfws(std::string* comment) {
  const std::size_t before = rest_.size();
  for (;;) {
    while (!rest_.empty() && is_space(rest_.front())) skip();
    if (peek() != '(' || rest_.empty()) break;
    if (comment) comment->clear();
    int open = 0;
    while (!rest_.empty()) {
      const char c = rest_.front();
      skip();
      if (c == '(' && ++open == 1) continue;
      if (c == ')' && --open == 0) break;
      if (c == '\\' && !rest_.empty()) {
        if (comment) comment->push_back(rest_.front());
        skip();
      } else if (comment) {
        comment->push_back(c);
      }
    }
  }
  return rest_.size() != before;
}

void Lexer::quoted_string(std::string& to) {
  skip();
  while (!rest_.empty()) {
    const char c = rest_.front();
    skip();
    if (c == '"') return;
    if (c == '\\' && !rest_.empty()) {
      to.push_back(rest_.front());
      skip();
    } else {
      to.push_back(c);
    }
  }
}

void Lexer::until(std::string_view ends, std::string& to) {
  const std::size_t end = std::min(rest_.find_first_of(ends), rest_.size());
  to.append(rest_.substr(0, end));
  rest_.remove_prefix(end);
}

std::string_view Lexer::token() {
  const auto end = std::ranges::find_if_not(rest_, is_token);
  const std::string_view token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(token.size());
  return token;
}

}  // namespace everpost::node::mime
