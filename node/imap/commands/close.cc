// CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691): leave the mailbox; CLOSE removes the messages
// with \Deleted first, without a word about them.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/expunge.h"

namespace everpost::node::imap {

Task<Reply> run_close(Session& session, CloseCommand) {
  if (!session.selected->read_only) {
    const auto expunged = co_await expunge_deleted(session, std::nullopt);
    if (!expunged && expunged.error().code != ErrorCode::kNotFound) {
      session.log_error("expunging at CLOSE", expunged.error());
      co_return refused(expunged.error());  // still selected: the client may try again
    }
  }
  CO_CHECK(co_await session.unselect());
  co_return ok("CLOSE completed");
}

Task<Reply> run_unselect(Session& session, UnselectCommand) {
  CO_CHECK(co_await session.unselect());
  co_return ok("UNSELECT completed");
}

}  // namespace everpost::node::imap
