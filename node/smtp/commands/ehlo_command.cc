// EHLO (RFC 5321 §4.1.1.1) and, by the same rules, LHLO (RFC 2033 §4.1): says what we can do.
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {
namespace {

std::string capabilities(const Session& session) {
  std::vector<std::string> lines;
  lines.reserve(12);
  lines.push_back(session.settings.hostname + " greets " + session.helo);
  lines.emplace_back("PIPELINING");                                           // RFC 2920
  lines.push_back("SIZE " + std::to_string(session.settings.message_bytes));  // RFC 1870
  lines.emplace_back("8BITMIME");                                             // RFC 6152
  lines.emplace_back("SMTPUTF8");                                             // RFC 6531
  lines.emplace_back("CHUNKING");                                             // RFC 3030
  lines.emplace_back("ENHANCEDSTATUSCODES");                                  // RFC 2034
  lines.emplace_back("DSN");                                                  // RFC 3461
  // RFC 3207 §4.2: not announced again once TLS is on.
  if (session.settings.tls_available && !session.tls) lines.emplace_back("STARTTLS");
  if (session.offers_auth() && !session.login) {  // RFC 4954
    std::string& line = lines.emplace_back("AUTH");
    for (const std::string& mechanism : session.settings.mechanisms) line += " " + mechanism;
  }
  lines.emplace_back("HELP");
  return multi_line(250, lines);
}

}  // namespace

Step ehlo(Session& session, std::string_view arguments) {
  if (!greet(session, arguments, true)) return bad_arguments(session, "Usage: EHLO name");
  Step step;
  step.reply = capabilities(session);
  return step;
}

Step lhlo(Session& session, std::string_view arguments) {
  if (!greet(session, arguments, true)) return bad_arguments(session, "Usage: LHLO name");
  Step step;
  step.reply = capabilities(session);
  return step;
}

}  // namespace everpost::node::smtp
