// RSET (RFC 5321 §4.1.1.5): forgets the transaction.
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step rset(Session& session, std::string_view arguments) {
  if (!arguments.empty()) return bad_arguments(session, "RSET takes no arguments");
  session.transaction.reset();
  return answer(250, "2.0.0", "Ok");
}

}  // namespace everpost::node::smtp
