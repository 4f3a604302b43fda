// RENAME, RFC 3501 §6.3.5.
#include "node/imap/commands/commands.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {

Task<Reply> run_rename(Session& session, RenameCommand command) {
  if (command.to == kInbox) co_return no("[ALREADYEXISTS] INBOX is always there");
  if (const auto good = check_new_mailbox_name(command.to); !good) co_return refused(good.error());
  const auto renamed = co_await session.change<storage::Done>(
      storage::RenameMailbox{session.account(), std::move(command.from), std::move(command.to)});
  if (!renamed) co_return refused(renamed.error());
  // Renaming INBOX moves its messages away: if it is selected, they are told as expunged.
  co_return ok("RENAME completed");
}

}  // namespace everpost::node::imap
