// Accounts and their mailboxes as the commands make, find and remove them. What always holds: every
// superior of a name exists; a name that cannot be selected has inferiors; an account has INBOX.
#pragma once

#include <optional>
#include <string_view>

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

// The account, which must be there. Errors: kNotFound.
Result<const AccountValue*> need_account(Context& context, AccountId account);
// The account, made with its mailboxes if it was never there. Errors: kNotFound if it was deleted.
Result<const AccountValue*> make_account(Context& context, AccountId account,
                                         std::uint64_t quota_bytes);
// A mailbox that can hold messages; its account is found with it. Errors: kNotFound.
Result<const MailboxValue*> need_mailbox(Context& context, MailboxId mailbox);

Result<std::optional<MailboxId>> find_name(Context& context, AccountId account,
                                           std::string_view name);
Result<bool> has_inferiors(Context& context, AccountId account, std::string_view name);

// A new, empty mailbox under a name that is free (or whose mailbox has just been removed). Errors:
// kLimit.
Result<MailboxId> make_mailbox(Context& context, AccountId account, std::string_view name,
                               std::string_view special_use, bool selectable);
// Makes the superiors of `name` that are missing.
Result<void> make_superiors(Context& context, AccountId account, std::string_view name);
// Removes superiors of `name` that cannot be selected and have no inferiors any more.
Result<void> prune_superiors(Context& context, AccountId account, std::string_view name);
// Removes a mailbox with all its messages; its name is the caller's business.
Result<void> remove_mailbox(Context& context, MailboxId mailbox);

// The account's next modseq: greater than any before in any of its mailboxes.
ModSeq next_modseq(Context& context, AccountId account);

}  // namespace everpost::storage::mail
