#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailboxes.h"
#include "storage/machine/mail/messages.h"

namespace everpost::storage::mail {

Result<MailResult> run(Context& context, const Expunge& command) {
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, need_mailbox(context, command.mailbox));
  Expunged expunged;
  RETURN_IF_ERROR(visit_messages(
      context.txn, command.mailbox, command.uids,
      [&](Uid uid, std::string_view value) -> Result<bool> {
        ASSIGN_OR_RETURN(const MessageValue message, MessageValue::decode(value));
        if (command.only_deleted && (message.flags & kDeleted) == 0) return true;
        RETURN_IF_ERROR(count_change(context));
        if (expunged.modseq == ModSeq{0}) expunged.modseq = next_modseq(context, mailbox->account);
        remove_message(context, command.mailbox, uid, message, value, expunged.modseq);
        RETURN_IF_ERROR(drop_reference(context, message.body));
        expunged.uids.add(uid);
        return true;
      }));
  RETURN_IF_ERROR(trim_tombstones(context, command.mailbox));
  return expunged;
}

}  // namespace everpost::storage::mail
