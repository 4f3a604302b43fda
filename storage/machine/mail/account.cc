#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailboxes.h"

namespace everpost::storage::mail {
namespace {

struct Name {
  std::string key;
  MailboxId mailbox;
};

Result<void> remove_mailboxes(Context& context, AccountId account) {
  std::vector<Name> names;
  RETURN_IF_ERROR(context.txn.scan(
      keys::names(account), {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
        ASSIGN_OR_RETURN(const MailboxId id, decode_mailbox_id(value));
        names.push_back({std::string(key), id});
        return true;
      }));
  for (const Name& name : names) {
    context.txn.erase(name.key, encode_mailbox_id(name.mailbox));
    RETURN_IF_ERROR(remove_mailbox(context, name.mailbox));
  }
  return {};
}

}  // namespace

Result<MailResult> run(Context& context, const CreateAccount& command) {
  RETURN_IF_ERROR(make_account(context, command.account, command.quota_bytes));
  return Done{};
}

Result<MailResult> run(Context& context, const SetQuota& command) {
  ASSIGN_OR_RETURN(const AccountValue* account, need_account(context, command.account));
  if (account->quota_bytes != command.quota_bytes)
    context.accounts.change(command.account).quota_bytes = command.quota_bytes;
  return Done{};
}

Result<MailResult> run(Context& context, const DeleteAccount& command) {
  if (command.account == AccountId{0}) return refuse(ErrorCode::kInvalidArgument, "account 0");
  ASSIGN_OR_RETURN(const AccountValue* found, context.accounts.find(command.account));
  if (found && found->deleted) return Done{};
  if (!found) {
    // A delivery that is still under way must not make the account again.
    ASSIGN_OR_RETURN(AccountValue * tombstone, context.accounts.create(command.account));
    tombstone->deleted = true;
    return Done{};
  }
  RETURN_IF_ERROR(remove_mailboxes(context, command.account));
  RETURN_IF_ERROR(
      context.txn.scan(keys::subscriptions(command.account), {},
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         context.txn.erase(key, value);
                         return true;
                       }));
  AccountValue& account = context.accounts.change(command.account);
  const AccountValue before = account;
  account = {};
  account.deleted = true;
  account.modseq = before.modseq;
  account.uid_validity = before.uid_validity;
  return Done{};
}

}  // namespace everpost::storage::mail
