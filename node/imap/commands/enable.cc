// ENABLE, RFC 5161: what a client has to ask for before we may use it.
#include <algorithm>

#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

Task<Reply> run_enable(Session& session, EnableCommand command) {
  std::string enabled;
  if (std::ranges::count(command.capabilities, "CONDSTORE") > 0 && !session.condstore) {
    session.enable_condstore();
    enabled += " CONDSTORE";
  }
  session.out << "* ENABLED" << enabled << "\r\n";  // RFC 5161 §3.2: those that are new
  co_return ok("ENABLE completed");
}

}  // namespace everpost::node::imap
