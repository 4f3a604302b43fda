// LOGOUT, RFC 3501 §6.1.3.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

Task<Reply> run_logout(Session& session, LogoutCommand) {
  session.leaving = "logout";
  session.out << "* BYE Logging out\r\n";
  co_return ok("LOGOUT completed");
}

}  // namespace everpost::node::imap
