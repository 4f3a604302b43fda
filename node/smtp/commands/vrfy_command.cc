// VRFY (RFC 5321 §4.1.1.6) and EXPN (§4.1.1.7). Who has a mailbox here is not for strangers to ask:
// RFC 5321 §7.3 suggests 252, which says neither yes nor no.
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step vrfy(Session& session, std::string_view arguments) {
  if (arguments.empty()) return bad_arguments(session, "Usage: VRFY address");
  return answer(252, "2.0.0", "Cannot verify users; send the message and see");
}

Step expn(Session& session, std::string_view) {
  return client_error(session, 502, "5.5.1", "Lists are not shown");
}

}  // namespace everpost::node::smtp
