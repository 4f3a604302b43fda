#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/mailboxes.h"

namespace everpost::storage::mail {

Result<MailResult> run(Context& context, const DeleteMailbox& command) {
  RETURN_IF_ERROR(check_name(command.name));
  RETURN_IF_ERROR(need_account(context, command.account));
  if (command.name == kInbox)  // RFC 3501 §6.3.4
    return refuse(ErrorCode::kInvalidArgument, "INBOX cannot be deleted");
  ASSIGN_OR_RETURN(const auto id, find_name(context, command.account, command.name));
  if (!id) return refuse(ErrorCode::kNotFound, "no such mailbox");
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(*id));
  if (!mailbox) return Error{ErrorCode::kCorrupt, "index: a name leads to no mailbox"};
  ASSIGN_OR_RETURN(const bool inferiors, has_inferiors(context, command.account, command.name));

  if (!inferiors) {
    RETURN_IF_ERROR(context.txn.remove(keys::name(command.account, command.name)));
    RETURN_IF_ERROR(remove_mailbox(context, *id));
    RETURN_IF_ERROR(prune_superiors(context, command.account, command.name));
    return Done{};
  }
  // RFC 3501 §6.3.4: what has inferiors stays as a name with \Noselect, and such a name cannot be
  // deleted again.
  if (!mailbox->selectable)
    return refuse(ErrorCode::kConflict, "the name cannot be deleted: it has inferiors");
  RETURN_IF_ERROR(remove_mailbox(context, *id));
  RETURN_IF_ERROR(make_mailbox(context, command.account, command.name, "", false));
  return Done{};
}

}  // namespace everpost::storage::mail
