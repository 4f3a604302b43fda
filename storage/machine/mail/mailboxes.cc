#include "storage/machine/mail/mailboxes.h"

#include <algorithm>
#include <ranges>

#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/purge.h"

namespace everpost::storage::mail {
namespace {

// RFC 6154 §2 and what users expect to find.
struct Initial {
  std::string_view name, special_use;
};
constexpr Initial kInitial[] = {
    {kInbox, ""},       {"Drafts", "\\Drafts"}, {"Sent", "\\Sent"},
    {"Junk", "\\Junk"}, {"Trash", "\\Trash"},   {"Archive", "\\Archive"},
};

// H39: never one that the account has used, and later than any an account of that name had before.
Result<UidValidity> next_uid_validity(AccountValue& account, WallTime now) {
  if (account.uid_validity.value == UINT32_MAX)
    return refuse(ErrorCode::kLimit, "the account has used all UIDVALIDITY values");
  const std::int64_t seconds = std::clamp<std::int64_t>(now.micros / 1'000'000, 1, UINT32_MAX);
  account.uid_validity =
      UidValidity{std::max(account.uid_validity.value + 1, static_cast<std::uint32_t>(seconds))};
  return account.uid_validity;
}

}  // namespace

Result<const AccountValue*> need_account(Context& context, AccountId account) {
  ASSIGN_OR_RETURN(const AccountValue* found, context.accounts.find(account));
  if (!found || found->deleted) return refuse(ErrorCode::kNotFound, "no such account");
  return found;
}

Result<const AccountValue*> make_account(Context& context, AccountId account,
                                         std::uint64_t quota_bytes) {
  if (account == AccountId{0}) return refuse(ErrorCode::kInvalidArgument, "account 0");
  ASSIGN_OR_RETURN(const AccountValue* found, context.accounts.find(account));
  if (found && found->deleted) return refuse(ErrorCode::kNotFound, "the account was deleted");
  if (found) return found;

  ASSIGN_OR_RETURN(AccountValue * made, context.accounts.create(account));
  made->quota_bytes = quota_bytes;
  for (const Initial& initial : kInitial) {
    ASSIGN_OR_RETURN(const MailboxId id,
                     make_mailbox(context, account, initial.name, initial.special_use, true));
    if (initial.name == kInbox) context.accounts.change(account).inbox = id;
    context.txn.create(keys::subscription(account, initial.name), {});
    ++context.accounts.change(account).subscriptions;
  }
  return made;
}

Result<const MailboxValue*> need_mailbox(Context& context, MailboxId mailbox) {
  ASSIGN_OR_RETURN(const MailboxValue* found, context.mailboxes.find(mailbox));
  if (!found || !found->selectable) return refuse(ErrorCode::kNotFound, "no such mailbox");
  ASSIGN_OR_RETURN(const AccountValue* owner, context.accounts.find(found->account));
  if (!owner) return Error{ErrorCode::kCorrupt, "index: a mailbox without account"};
  return found;
}

Result<std::optional<MailboxId>> find_name(Context& context, AccountId account,
                                           std::string_view name) {
  ASSIGN_OR_RETURN(const auto value, context.txn.get(keys::name(account, name)));
  if (!value) return std::nullopt;
  return decode_mailbox_id(*value);
}

Result<bool> has_inferiors(Context& context, AccountId account, std::string_view name) {
  bool found = false;
  RETURN_IF_ERROR(context.txn.scan(keys::name(account, name).add("/"), {},
                                   [&](std::string_view, std::string_view) -> Result<bool> {
                                     found = true;
                                     return false;
                                   }));
  return found;
}

Result<MailboxId> make_mailbox(Context& context, AccountId account, std::string_view name,
                               std::string_view special_use, bool selectable) {
  AccountValue& owner = context.accounts.change(account);
  if (owner.mailboxes >= MailLimits::mailboxes)
    return refuse(ErrorCode::kLimit, "the account has too many mailboxes");
  const MailboxId id = context.shard.get().next_mailbox;
  ++context.shard.change().next_mailbox.value;
  ++owner.mailboxes;

  ASSIGN_OR_RETURN(MailboxValue * mailbox, context.mailboxes.create(id));
  mailbox->selectable = selectable;
  mailbox->account = account;
  ASSIGN_OR_RETURN(mailbox->uid_validity, next_uid_validity(owner, context.header.time));
  // RFC 7162 §3.1.2.1: HIGHESTMODSEQ is 1 or more, of an empty mailbox, too.
  mailbox->highest_modseq = next_modseq(context, account);
  mailbox->name = name;
  mailbox->special_use = special_use;
  RETURN_IF_ERROR(context.txn.put(keys::name(account, name), encode_mailbox_id(id)));
  context.told.accounts.push_back(account);
  return id;
}

Result<void> make_superiors(Context& context, AccountId account, std::string_view name) {
  for (const std::string_view superior : superiors(name)) {
    ASSIGN_OR_RETURN(const auto there, find_name(context, account, superior));
    if (there) continue;
    ASSIGN_OR_RETURN([[maybe_unused]] const MailboxId made,
                     make_mailbox(context, account, superior, "", true));
  }
  return {};
}

Result<void> prune_superiors(Context& context, AccountId account, std::string_view name) {
  const auto above = superiors(name);
  for (const std::string_view superior : above | std::views::reverse) {
    ASSIGN_OR_RETURN(const auto id, find_name(context, account, superior));
    if (!id) continue;
    ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(*id));
    if (!mailbox || mailbox->selectable) return {};
    ASSIGN_OR_RETURN(const bool needed, has_inferiors(context, account, superior));
    if (needed) return {};
    RETURN_IF_ERROR(context.txn.remove(keys::name(account, superior)));
    RETURN_IF_ERROR(remove_mailbox(context, *id));
  }
  return {};
}

Result<void> remove_mailbox(Context& context, MailboxId id) {
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(id));
  if (!mailbox)
    return Error{ErrorCode::kCorrupt, "index: a name leads to no mailbox, " + to_string(id)};
  ASSIGN_OR_RETURN(const AccountValue* found, context.accounts.find(mailbox->account));
  if (!found) return Error{ErrorCode::kCorrupt, "index: a mailbox without account"};
  AccountValue& account = context.accounts.change(mailbox->account);
  account.used_bytes -= mailbox->bytes;
  account.messages -= mailbox->messages;
  --account.mailboxes;
  context.told.accounts.push_back(mailbox->account);
  context.told.touched.push_back(id);
  const bool empty = mailbox->messages == 0 && mailbox->tombstones == 0;
  context.mailboxes.remove(id);
  return empty ? Result<void>{} : begin_purge(context, id);
}

ModSeq next_modseq(Context& context, AccountId account) {
  AccountValue& value = context.accounts.change(account);
  ++value.modseq.value;
  return value.modseq;
}

}  // namespace everpost::storage::mail
