// DATA (RFC 5321 §4.1.1.4).
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step data(Session& session, std::string_view arguments) {
  if (!arguments.empty()) return bad_arguments(session, "DATA takes no arguments");
  if (!session.transaction) return bad_sequence(session, "Say MAIL first");
  if (session.transaction->chunked)  // RFC 3030 §2
    return bad_sequence(session, "A message is being sent with BDAT");
  if (session.transaction->recipients.empty()) {
    // RFC 5321 §3.3 leaves the choice; RFC 2033 §4.2 wants 503.
    if (session.is(Flavour::kLmtp)) return bad_sequence(session, "No valid recipients");
    return client_error(session, 554, "5.5.1", "No valid recipients");
  }
  Step step;
  step.action = ReceiveData{};
  return step;
}

Step data_ready(Session& session, bool memory) {
  if (memory) return answer(354, "", "Send the message, end it with <CRLF>.<CRLF>");
  session.transaction.reset();
  return refuse(452, "4.3.1", "Too many messages are being received, try again later", "memory");
}

}  // namespace everpost::node::smtp
