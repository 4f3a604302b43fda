#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/mailboxes.h"
#include "storage/machine/mail/transfer.h"

namespace everpost::storage::mail {
namespace {

// RFC 3501 §6.3.5: renaming INBOX moves its messages to a new mailbox, and leaves INBOX, and its
// inferiors, where they are.
Result<void> move_inbox(Context& context, AccountId account, MailboxId inbox, std::string_view to) {
  ASSIGN_OR_RETURN(const MailboxId target, make_mailbox(context, account, to, "", true));
  UidSet all;
  all.add(Uid{1}, Uid{UINT32_MAX});
  RETURN_IF_ERROR(transfer(context, inbox, all, target, true, false));
  return {};
}

struct Named {
  std::string name;
  MailboxId mailbox;
};

// `name` and its inferiors.
Result<std::vector<Named>> tree(Context& context, AccountId account, std::string_view name,
                                MailboxId mailbox) {
  std::vector<Named> found{{std::string(name), mailbox}};
  RETURN_IF_ERROR(
      context.txn.scan(keys::name(account, name).add("/"), {},
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         ASSIGN_OR_RETURN(const MailboxId id, decode_mailbox_id(value));
                         found.push_back({std::string(keys::parse_name(key)), id});
                         return true;
                       }));
  return found;
}

Result<void> rename(Context& context, AccountId account, const Named& mailbox,
                    std::string_view name) {
  RETURN_IF_ERROR(check_name(name));  // an inferior may have become too long or too deep
  ASSIGN_OR_RETURN(const MailboxValue* found, context.mailboxes.find(mailbox.mailbox));
  if (!found) return Error{ErrorCode::kCorrupt, "index: a name leads to no mailbox"};
  const std::string id = encode_mailbox_id(mailbox.mailbox);
  context.txn.erase(keys::name(account, mailbox.name), id);
  context.txn.create(keys::name(account, name), id);
  context.mailboxes.change(mailbox.mailbox).name = name;
  return {};
}

}  // namespace

Result<MailResult> run(Context& context, const RenameMailbox& command) {
  RETURN_IF_ERROR(check_name(command.from));
  RETURN_IF_ERROR(check_name(command.to));
  RETURN_IF_ERROR(need_account(context, command.account));
  ASSIGN_OR_RETURN(const auto from, find_name(context, command.account, command.from));
  if (!from) return refuse(ErrorCode::kNotFound, "no such mailbox");
  ASSIGN_OR_RETURN(const auto to, find_name(context, command.account, command.to));
  if (to) return refuse(ErrorCode::kAlreadyExists, "there is a mailbox of the new name");
  if (command.from != kInbox && command.to.starts_with(command.from + "/"))
    return refuse(ErrorCode::kInvalidArgument, "a mailbox cannot become its own inferior");

  RETURN_IF_ERROR(make_superiors(context, command.account, command.to));
  if (command.from == kInbox) {
    RETURN_IF_ERROR(move_inbox(context, command.account, *from, command.to));
    return Done{};
  }
  ASSIGN_OR_RETURN(const auto mailboxes, tree(context, command.account, command.from, *from));
  for (const Named& mailbox : mailboxes)
    RETURN_IF_ERROR(rename(context, command.account, mailbox,
                           command.to + mailbox.name.substr(command.from.size())));
  RETURN_IF_ERROR(prune_superiors(context, command.account, command.from));
  context.told.accounts.push_back(command.account);
  return Done{};
}

}  // namespace everpost::storage::mail
