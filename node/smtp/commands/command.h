// The commands: one file each, and a table that names them all (table.cc). A command is a function
// of the session's state and its own arguments; where it has to wait for something, its second half
// has a name of its own (rcpt, then rcpt_resolved).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "node/smtp/message_result.h"
#include "node/smtp/session.h"

namespace everpost::node::smtp {

struct Command {
  std::string_view name;
  std::string_view arguments;  // for HELP and error texts
  // `arguments`: what follows the command's name and one space, without trailing spaces.
  Step (*run)(Session& session, std::string_view arguments);
  std::size_t line_bytes;  // with CRLF
  bool smtp, lmtp;         // SMTP includes submission
  bool idle;               // moves no mail forward: only so many in a row
};

std::span<const Command> commands();
// Nothing if there is no such command in this flavour. Names are compared without case.
const Command* find_command(std::string_view name, Flavour flavour);

Step helo(Session& session, std::string_view arguments);
Step ehlo(Session& session, std::string_view arguments);
Step lhlo(Session& session, std::string_view arguments);
Step starttls(Session& session, std::string_view arguments);
Step mail(Session& session, std::string_view arguments);
Step mail_resolved(Session& session, const Result<Resolution>& found);
Step rcpt(Session& session, std::string_view arguments);
Step rcpt_resolved(Session& session, const Result<RecipientFacts>& found);
Step data(Session& session, std::string_view arguments);
Step data_ready(Session& session, bool memory);
Step bdat(Session& session, std::string_view arguments);
Step bdat_received(Session& session, std::uint64_t bytes, const std::optional<Refusal>& refusal);
Step auth(Session& session, std::string_view arguments);
Step auth_line(Session& session, std::string_view line);  // during an exchange
Step auth_stepped(Session& session, Result<Authenticator::Exchange::Step> stepped);
Step rset(Session& session, std::string_view arguments);
Step noop(Session& session, std::string_view arguments);
Step quit(Session& session, std::string_view arguments);
Step vrfy(Session& session, std::string_view arguments);
Step expn(Session& session, std::string_view arguments);
Step help(Session& session, std::string_view arguments);

// What HELO, EHLO and LHLO share: takes the client's name, drops the transaction (RFC 5321 §4.1.4).
// Nothing if the name is not one.
bool greet(Session& session, std::string_view name, bool extended);

}  // namespace everpost::node::smtp
