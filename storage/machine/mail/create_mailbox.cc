#include <algorithm>

#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/mailboxes.h"

namespace everpost::storage::mail {
namespace {

// RFC 6154 §3: uses that we do not support are refused. \All and \Flagged are views of messages
// that are elsewhere, which we do not have.
Result<void> check_special_use(std::string_view use) {
  constexpr std::string_view kUses[] = {"", "\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};
  if (std::ranges::find(kUses, use) == std::end(kUses))
    return refuse(ErrorCode::kInvalidArgument, "a special use that mailboxes cannot have here");
  return {};
}

}  // namespace

Result<MailResult> run(Context& context, const CreateMailbox& command) {
  RETURN_IF_ERROR(check_name(command.name));
  RETURN_IF_ERROR(check_special_use(command.special_use));
  RETURN_IF_ERROR(need_account(context, command.account));
  ASSIGN_OR_RETURN(const auto there, find_name(context, command.account, command.name));
  if (there) {
    ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(*there));
    if (!mailbox || mailbox->selectable)
      return refuse(ErrorCode::kAlreadyExists, "there is a mailbox of that name");
    // Only a name so far: it gets a mailbox, with a UIDVALIDITY of its own.
    RETURN_IF_ERROR(remove_mailbox(context, *there));
  }
  RETURN_IF_ERROR(make_superiors(context, command.account, command.name));
  ASSIGN_OR_RETURN(const MailboxId id,
                   make_mailbox(context, command.account, command.name, command.special_use, true));
  ASSIGN_OR_RETURN(const MailboxValue* made, context.mailboxes.find(id));
  return CreatedMailbox{id, made->uid_validity};
}

}  // namespace everpost::storage::mail
