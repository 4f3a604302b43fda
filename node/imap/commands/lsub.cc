// LSUB, RFC 3501 §6.3.9.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/listing.h"

namespace everpost::node::imap {

Task<Reply> run_lsub(Session& session, LsubCommand command) {
  if (command.pattern.empty()) {
    session.out << "* LSUB (\\Noselect) \"/\" \"\"\r\n";
    co_return ok("LSUB completed");
  }
  const auto mailboxes = co_await session.mail().mailboxes(session.shard(), session.account());
  if (!mailboxes) co_return refused(mailboxes.error());
  const auto subscriptions =
      co_await session.mail().subscriptions(session.shard(), session.account());
  if (!subscriptions) co_return refused(subscriptions.error());
  for (const Listed& entry : Listing(*mailboxes, *subscriptions).lsub(command)) {
    append_listed("LSUB", entry, session.out.buffer());
    CO_CHECK(co_await session.out.flush_if_large());
  }
  co_return ok("LSUB completed");
}

}  // namespace everpost::node::imap
