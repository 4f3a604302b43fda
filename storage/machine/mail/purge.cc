#include "storage/machine/mail/purge.h"

#include "storage/machine/mail/bodies.h"

namespace everpost::storage::mail {
namespace {

// Removes up to `left` entries of a mailbox from where `dead` stands, and moves it on. Keys that
// are gone are not scanned again: LevelDB keeps markers of them for a while.
Result<bool> purge(Context& context, MailboxId mailbox, DeadMailboxValue& dead, std::size_t& left) {
  IndexTxn& txn = context.txn;
  bool more = false;
  RETURN_IF_ERROR(
      txn.scan(keys::messages(mailbox), keys::message(mailbox, dead.next_uid),
               [&](std::string_view key, std::string_view value) -> Result<bool> {
                 if (left == 0) {
                   more = true;
                   return false;
                 }
                 --left;
                 const auto uid = keys::parse_message(key);
                 if (!uid) return Error{ErrorCode::kCorrupt, "index: a malformed key of a message"};
                 ASSIGN_OR_RETURN(const MessageValue message, MessageValue::decode(value));
                 txn.erase(keys::change(mailbox, message.modseq, *uid), {});
                 txn.erase(keys::content(message.guid, mailbox, *uid), {});
                 RETURN_IF_ERROR(drop_reference(context, message.body));
                 txn.erase(key, value);
                 dead.next_uid = Uid{uid->value + 1};
                 return true;
               }));
  if (more) return false;
  RETURN_IF_ERROR(txn.scan(keys::tombstones(mailbox),
                           keys::tombstone(mailbox, dead.next_modseq, Uid{0}),
                           [&](std::string_view key, std::string_view value) -> Result<bool> {
                             if (left == 0) {
                               more = true;
                               return false;
                             }
                             --left;
                             const auto tombstone = keys::parse_change(key);
                             if (!tombstone)
                               return Error{ErrorCode::kCorrupt, "index: a malformed tombstone"};
                             dead.next_modseq = tombstone->modseq;
                             txn.erase(key, value);
                             return true;
                           }));
  return !more;
}

}  // namespace

Result<void> begin_purge(Context& context, MailboxId mailbox) {
  DeadMailboxValue dead;
  std::size_t left = kRemovalsPerCommand - context.removals;
  const std::size_t before = left;
  ASSIGN_OR_RETURN(const bool done, purge(context, mailbox, dead, left));
  context.removals += before - left;
  if (done) return {};
  context.txn.create(keys::dead_mailbox(mailbox), dead.encode());
  ++context.shard.change().dead_mailboxes;
  return {};
}

Result<void> continue_purge(Context& context, std::size_t removals) {
  if (context.shard.get().dead_mailboxes == 0) return {};
  struct Dead {
    MailboxId mailbox;
    std::string value;
  };
  // One after the other: the scan must not see the changes.
  while (removals > 0 && context.shard.get().dead_mailboxes > 0) {
    std::optional<Dead> next;
    RETURN_IF_ERROR(
        context.txn.scan(keys::kDeadMailboxes, {},
                         [&](std::string_view key, std::string_view value) -> Result<bool> {
                           const auto mailbox = keys::parse_mailbox(key);
                           if (!mailbox)
                             return Error{ErrorCode::kCorrupt, "index: a malformed key under K/"};
                           next = Dead{*mailbox, std::string(value)};
                           return false;
                         }));
    if (!next) return Error{ErrorCode::kCorrupt, "index: fewer keys under K/ than counted"};
    ASSIGN_OR_RETURN(DeadMailboxValue dead, DeadMailboxValue::decode(next->value));
    ASSIGN_OR_RETURN(const bool done, purge(context, next->mailbox, dead, removals));
    const keys::Key key = keys::dead_mailbox(next->mailbox);
    if (done) {
      context.txn.erase(key, next->value);
      --context.shard.change().dead_mailboxes;
    } else {
      context.txn.replace(key, next->value, dead.encode());
    }
  }
  return {};
}

}  // namespace everpost::storage::mail
