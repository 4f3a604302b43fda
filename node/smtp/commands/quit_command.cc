// QUIT (RFC 5321 §4.1.1.10). A transaction that is open is dropped.
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step quit(Session& session, std::string_view arguments) {
  if (!arguments.empty()) return bad_arguments(session, "QUIT takes no arguments");
  session.transaction.reset();
  Step step = answer(221, "2.0.0", session.settings.hostname + " Bye");
  step.action = HangUp{};
  return step;
}

}  // namespace everpost::node::smtp
