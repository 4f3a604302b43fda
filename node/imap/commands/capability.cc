// CAPABILITY, RFC 3501 §6.1.1.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

Task<Reply> run_capability(Session& session, CapabilityCommand) {
  session.out << "* CAPABILITY " << capabilities(session) << "\r\n";
  co_return ok("CAPABILITY completed");
}

}  // namespace everpost::node::imap
