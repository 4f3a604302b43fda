// NOOP and CHECK (RFC 3501 §6.1.2, §6.4.1): the client asks what is new. What it has changed is on
// stable storage already, so there is nothing more for CHECK to do.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {
namespace {

Task<Reply> tell_all(Session& session, const char* done) {
  CO_CHECK(co_await session.tell_changes({true, session.condstore}, true));
  co_return ok(done);
}

}  // namespace

Task<Reply> run_noop(Session& session, NoopCommand) { return tell_all(session, "NOOP completed"); }

Task<Reply> run_check(Session& session, CheckCommand) {
  return tell_all(session, "CHECK completed");
}

}  // namespace everpost::node::imap
