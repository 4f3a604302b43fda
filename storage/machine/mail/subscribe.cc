#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/mailboxes.h"

namespace everpost::storage::mail {

// RFC 3501 §6.3.6: a subscription is a name, whether a mailbox has it or not.
Result<MailResult> run(Context& context, const Subscribe& command) {
  RETURN_IF_ERROR(check_name(command.name));
  ASSIGN_OR_RETURN(const AccountValue* account, need_account(context, command.account));
  const keys::Key key = keys::subscription(command.account, command.name);
  ASSIGN_OR_RETURN(const auto there, context.txn.get(key));
  if (there.has_value() == command.on) return Done{};
  if (command.on) {
    if (account->subscriptions >= MailLimits::subscriptions)
      return refuse(ErrorCode::kLimit, "the account has too many subscriptions");
    context.txn.create(key, {});
    ++context.accounts.change(command.account).subscriptions;
  } else {
    context.txn.erase(key, *there);
    --context.accounts.change(command.account).subscriptions;
  }
  context.told.accounts.push_back(command.account);
  return Done{};
}

}  // namespace everpost::storage::mail
