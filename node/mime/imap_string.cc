#include "node/mime/imap_string.h"

#include <algorithm>

namespace everpost::node::mime {

void append_imap_string(std::string& to, std::string_view text) {
  const auto quotable = [](char c) { return (c >= ' ' && c < 127) || c == '\t'; };
  if (!std::ranges::all_of(text, quotable)) {
    to += '{' + std::to_string(text.size()) + "}\r\n";
    const std::size_t begin = to.size();
    to += text;
    std::replace(to.begin() + static_cast<std::ptrdiff_t>(begin), to.end(), '\0', '?');
    return;
  }
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

void append_imap_nstring(std::string& to, const std::optional<std::string>& text) {
  if (text) {
    append_imap_string(to, *text);
  } else {
    to += "NIL";
  }
}

}  // namespace everpost::node::mime
