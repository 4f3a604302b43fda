// SUBSCRIBE and UNSUBSCRIBE, RFC 3501 §6.3.6, §6.3.7.
#include "node/imap/commands/commands.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {

Task<Reply> run_subscribe(Session& session, SubscribeCommand command) {
  // A mailbox of this name need not exist, but it has to be a name that one could have.
  if (command.on) {
    if (const auto good = check_new_mailbox_name(command.mailbox); !good)
      co_return refused(good.error());
  }
  const bool on = command.on;
  const auto done = co_await session.change<storage::Done>(
      storage::Subscribe{session.account(), std::move(command.mailbox), on});
  if (!done) co_return refused(done.error());
  co_return ok(on ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

}  // namespace everpost::node::imap
