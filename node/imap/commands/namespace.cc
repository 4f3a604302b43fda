// NAMESPACE, RFC 2342: there are personal mailboxes only.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

Task<Reply> run_namespace(Session& session, NamespaceCommand) {
  session.out << "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n";
  co_return ok("NAMESPACE completed");
}

}  // namespace everpost::node::imap
