// Parts of responses (RFC 3501 §9).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/machine/mail_command.h"
#include "storage/machine/mail_reader.h"

namespace everpost::node::imap {

void append_quoted(std::string_view text, std::string& to);  // printable ASCII
// A mailbox's name, in modified UTF-7, as an astring.
void append_mailbox(std::string_view utf8_name, std::string& to);
// "(\Seen \Recent $Forwarded)".
void append_flags(const storage::Flags& flags, bool recent, std::string& to);
// What may stand in resp-text: no control characters, no 8-bit ones.
std::string printable(std::string_view text);
// A uid-set in the order given, which COPYUID depends on (RFC 4315 §3): "3:5,9".
std::string ordered_uid_set(const std::vector<Uid>& uids);

}  // namespace everpost::node::imap
