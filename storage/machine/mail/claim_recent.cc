#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailboxes.h"

namespace everpost::storage::mail {

// RFC 3501 §2.3.2: \Recent is for the first session that is notified of a message.
Result<MailResult> run(Context& context, const ClaimRecent& command) {
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, need_mailbox(context, command.mailbox));
  const ClaimedRecent claimed{mailbox->first_recent};
  if (mailbox->first_recent != mailbox->uid_next)
    context.mailboxes.change(command.mailbox).first_recent = mailbox->uid_next;
  return claimed;
}

}  // namespace everpost::storage::mail
