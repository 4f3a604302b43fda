// DELETE, RFC 3501 §6.3.4.
#include "node/imap/commands/commands.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {

Task<Reply> run_delete(Session& session, DeleteCommand command) {
  if (command.mailbox == kInbox) co_return no("[CANNOT] INBOX cannot be deleted");
  const auto mailbox =
      co_await session.mail().find_mailbox(session.shard(), session.account(), command.mailbox);
  if (!mailbox) co_return refused(mailbox.error());
  const auto deleted = co_await session.change<storage::Done>(
      storage::DeleteMailbox{session.account(), std::move(command.mailbox)});
  if (!deleted) {
    // RFC 3501 §6.3.4: a name with inferiors that is \Noselect already stays.
    if (deleted.error().code == ErrorCode::kConflict)
      co_return no("[CANNOT] there are mailboxes below this name");
    co_return refused(deleted.error());
  }
  if (session.selected && session.selected->id == mailbox->id) {
    session.selected.reset();  // nothing to claim \Recent in any more
    session.out << "* OK [CLOSED] The selected mailbox is gone\r\n";
  }
  co_return ok("DELETE completed");
}

}  // namespace everpost::node::imap
