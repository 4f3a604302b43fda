// STARTTLS (RFC 3207).
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step starttls(Session& session, std::string_view arguments) {
  if (!arguments.empty()) return bad_arguments(session, "STARTTLS takes no arguments");
  if (session.tls) return bad_sequence(session, "TLS is already active");
  if (!session.settings.tls_available)
    return client_error(session, 502, "5.5.1", "TLS is not available here");
  if (session.transaction && session.transaction->chunked)
    return bad_sequence(session, "A message is being sent with BDAT");
  Step step = answer(220, "2.0.0", "Ready to start TLS");
  step.action = StartTls{};
  return step;
}

}  // namespace everpost::node::smtp
