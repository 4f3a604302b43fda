// The lexical elements that structured header fields share (RFC 5322 §3.2, RFC 2045 §5.1). Never
// fails: what is not closed ends with the text.
#pragma once

#include <string>
#include <string_view>

namespace everpost::node::mime {

class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  void skip() { rest_.remove_prefix(1); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    skip();
    return true;
  }

  // Blanks and comments, which may nest (RFC 5322 §3.2.2). Returns whether there were any; the text
  // of the last comment goes to `comment`, if that is not nullptr.
  bool skip_cfws(std::string* comment = nullptr);
  // At a '"': the string's content without quotes and backslashes, appended to `to`.
  void quoted_string(std::string& to);
  // Everything up to the first of `ends`, appended to `to`.
  void until(std::string_view ends, std::string& to);
  // A token of RFC 2045 §5.1, 8-bit characters allowed; may be empty.
  std::string_view token();

 private:
  std::string_view rest_;
};

}  // namespace everpost::node::mime
