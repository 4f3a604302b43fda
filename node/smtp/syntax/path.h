// Paths: what stands between < and > after MAIL FROM: and RCPT TO: (RFC 5321 §4.1.2), with RFC
// 6531's UTF-8. Only the form is checked here; node/directory gives addresses their normal form.
#pragma once

#include <string_view>

#include "base/result.h"

namespace everpost::node::smtp {

// Views of the text that was parsed.
struct Path {
  std::string_view mailbox;  // as written, without source route and <>; empty for <>
  std::string_view local;
  std::string_view domain;  // empty for <> and <Postmaster>
  std::string_view rest;    // behind the '>'
};

enum class PathKind {
  kReverse,  // may be <>
  kForward,  // may be <Postmaster>, without a domain (RFC 5321 §4.1.1.3)
};

// The path that `text` starts with. Errors: kInvalidArgument; the context is fit for a reply.
Result<Path> parse_path(std::string_view text, PathKind kind);

// Domain or address literal as a client names itself in HELO, EHLO and LHLO. Less strict than RFC
// 5321 §4.1.1.1: real clients send names with underscores and other characters that do no harm.
bool is_helo_name(std::string_view text);

}  // namespace everpost::node::smtp
