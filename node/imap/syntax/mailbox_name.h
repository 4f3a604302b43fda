// Mailbox names. On the wire they are modified UTF-7 (RFC 3501 §5.1.3); everywhere else UTF-8 in
// Unicode's normalization form C, with '/' between levels and INBOX spelled so.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::node::imap {

inline constexpr char kHierarchyDelimiter = '/';
inline constexpr std::string_view kInbox = "INBOX";

// To UTF-8. Errors: kInvalidArgument: 8-bit bytes, a shift that does not end, printable ASCII in
// base64 or two shifts in a row, which would be a second spelling of the same name.
Result<std::string> decode_mailbox_name(std::string_view wire);
std::string encode_mailbox_name(std::string_view utf8);

// May a mailbox get this name? Errors: kInvalidArgument, saying why not: empty levels, control
// characters, too long or too deep.
Result<void> check_new_mailbox_name(std::string_view name);

// Does a LIST pattern match (RFC 3501 §6.3.8)? '*' stands for any characters, '%' for any but the
// hierarchy delimiter. INBOX, also as the first level of a name, is compared without case. Takes
// time in proportion to the product of the two lengths, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace everpost::node::imap
