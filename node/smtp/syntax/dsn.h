// The values of RFC 3461's parameters, which say who wants to be told what about a message's fate.
// They are kept as they were sent (xtext and all): whoever relays or reports needs them in that
// form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace everpost::node::smtp {

// RFC 3461 §4: printable ASCII without "+" and "="; others as "+" and two upper-case hexadecimal
// digits. Returns what it stands for.
std::optional<std::string> decode_xtext(std::string_view text);

// §4.1 NOTIFY: NEVER alone, or some of SUCCESS, FAILURE, DELAY, each once. Returns it in upper
// case.
std::optional<std::string> parse_notify(std::string_view value);

// §4.2 ORCPT: an address type, ";" and an xtext address, 500 bytes in all. With `utf8` (the
// transaction uses SMTPUTF8) an address of type utf-8 may hold UTF-8 as it is (RFC 6533 §3).
bool is_orcpt(std::string_view value, bool utf8);

// §4.3 RET: FULL or HDRS. Returns it in upper case.
std::optional<std::string> parse_ret(std::string_view value);

// §4.4 ENVID: xtext of printable characters, 100 bytes.
bool is_envid(std::string_view value);

}  // namespace everpost::node::smtp
