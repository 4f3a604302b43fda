#include "storage/machine/mail/rewind_guard.h"

#include <algorithm>

namespace everpost::storage::mail {
namespace {

// H39: more than any mailbox can have gone through in the part that was lost.
constexpr std::uint32_t kUidsSkipped = 1 << 20;
constexpr std::uint64_t kModSeqsSkipped = std::uint64_t{1} << 32;

template <class Id, class Parse>
Result<std::vector<Id>> all(Context& context, std::string_view prefix, Parse parse) {
  std::vector<Id> ids;
  RETURN_IF_ERROR(
      context.txn.scan(prefix, {}, [&](std::string_view key, std::string_view) -> Result<bool> {
        const auto id = parse(key);
        if (!id) return Error{ErrorCode::kCorrupt, "index: a malformed key"};
        ids.push_back(*id);
        return true;
      }));
  return ids;
}

}  // namespace

// The caches were written before, so that the scans see everything.
Result<void> rewind_guard(Context& context) {
  ASSIGN_OR_RETURN(const auto accounts,
                   all<AccountId>(context, keys::kAccounts, keys::parse_account));
  for (const AccountId id : accounts) {
    RETURN_IF_ERROR(context.accounts.find(id));
    context.accounts.change(id).modseq.value += kModSeqsSkipped;
  }
  ASSIGN_OR_RETURN(const auto mailboxes,
                   all<MailboxId>(context, keys::kMailboxes, keys::parse_mailbox));
  for (const MailboxId id : mailboxes) {
    ASSIGN_OR_RETURN(const MailboxValue* found, context.mailboxes.find(id));
    ASSIGN_OR_RETURN(const AccountValue* account, context.accounts.find(found->account));
    if (!account) return Error{ErrorCode::kCorrupt, "index: a mailbox without account"};
    MailboxValue& mailbox = context.mailboxes.change(id);
    mailbox.uid_next.value += std::min(kUidsSkipped, UINT32_MAX - mailbox.uid_next.value);
    // QRESYNC clients ask from a modseq below the floor and get every UID that is not there as
    // vanished, which drops the ghosts from their caches.
    mailbox.highest_modseq = mailbox.expunge_floor = account->modseq;
    context.told.touched.push_back(id);
  }
  return {};
}

}  // namespace everpost::storage::mail
