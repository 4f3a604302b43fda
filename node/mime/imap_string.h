// Strings as an IMAP server sends them (RFC 3501 §4.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace everpost::node::mime {

// A quoted string if the text is printable ASCII, else a literal. A NUL, which neither can hold
// (RFC 3501 §9, CHAR8), becomes '?'.
void append_imap_string(std::string& to, std::string_view text);
// NIL for nullopt.
void append_imap_nstring(std::string& to, const std::optional<std::string>& text);

}  // namespace everpost::node::mime
