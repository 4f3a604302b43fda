// HELO (RFC 5321 §4.1.1.1): a client without extensions.
#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/path.h"

namespace everpost::node::smtp {

bool greet(Session& session, std::string_view name, bool extended) {
  // The name is checked for its form only: RFC 5321 §4.1.4 forbids to refuse mail because it does
  // not fit the client's address.
  if (!is_helo_name(name)) return false;
  session.helo = name;
  session.extended = extended;
  session.transaction.reset();
  return true;
}

Step helo(Session& session, std::string_view arguments) {
  if (!greet(session, arguments, false)) return bad_arguments(session, "Usage: HELO name");
  return answer(250, "", session.settings.hostname);  // RFC 2034 §4: no enhanced code
}

}  // namespace everpost::node::smtp
