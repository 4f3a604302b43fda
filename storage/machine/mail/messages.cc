#include "storage/machine/mail/messages.h"

namespace everpost::storage::mail {
namespace {

// Ranges up to this long are looked up one UID at a time: an iterator costs as much as a few gets.
constexpr std::uint32_t kLookUps = 4;

Result<bool> visit_one(const IndexView& index, MailboxId mailbox, Uid uid,
                       const VisitMessage& visit) {
  ASSIGN_OR_RETURN(const auto value, index.get(keys::message(mailbox, uid)));
  return value ? visit(uid, *value) : true;
}

Result<bool> visit_range(const IndexView& index, MailboxId mailbox, const UidSet::Range& range,
                         const VisitMessage& visit) {
  if (range.last.value - range.first.value < kLookUps) {
    for (std::uint64_t uid = range.first.value; uid <= range.last.value; ++uid) {
      ASSIGN_OR_RETURN(const bool more, visit_one(index, mailbox, Uid{std::uint32_t(uid)}, visit));
      if (!more) return false;
    }
    return true;
  }
  bool more = true;
  RETURN_IF_ERROR(index.scan(keys::messages(mailbox), keys::message(mailbox, range.first),
                             [&](std::string_view key, std::string_view value) -> Result<bool> {
                               const auto uid = keys::parse_message(key);
                               if (!uid)
                                 return Error{ErrorCode::kCorrupt,
                                              "index: a malformed key of a message"};
                               if (*uid > range.last) return false;
                               ASSIGN_OR_RETURN(more, visit(*uid, value));
                               return more;
                             }));
  return more;
}

// What a message with these flags adds to its mailbox's counters.
struct Counted {
  std::uint32_t unseen, deleted;
  explicit Counted(std::uint16_t flags)
      : unseen((flags & kSeen) == 0), deleted((flags & kDeleted) != 0) {}
};

}  // namespace

Result<void> visit_messages(const IndexView& index, MailboxId mailbox, const UidSet& uids,
                            const VisitMessage& visit) {
  for (const UidSet::Range& range : uids.ranges()) {
    ASSIGN_OR_RETURN(const bool more, visit_range(index, mailbox, range, visit));
    if (!more) break;
  }
  return {};
}

Result<void> check_room(Context& context, MailboxId id, std::uint64_t size, bool enforce_quota) {
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(id));
  ASSIGN_OR_RETURN(const AccountValue* account, context.accounts.find(mailbox->account));
  if (mailbox->uid_next.value == UINT32_MAX)
    return refuse(ErrorCode::kLimit, "the mailbox has used all UIDs");
  if (enforce_quota && account->quota_bytes != 0 &&
      account->used_bytes + size > account->quota_bytes)
    return refuse(ErrorCode::kOverQuota, "the account is over its quota");
  return {};
}

Uid insert_message(Context& context, MailboxId id, const MessageValue& message) {
  MailboxValue& mailbox = context.mailboxes.change(id);
  AccountValue& account = context.accounts.change(mailbox.account);
  const Uid uid = mailbox.uid_next;
  ++mailbox.uid_next.value;

  const Counted counted(message.flags);
  ++mailbox.messages;
  mailbox.unseen += counted.unseen;
  mailbox.deleted += counted.deleted;
  mailbox.bytes += message.size;
  ++account.messages;
  account.used_bytes += message.size;

  context.txn.create(keys::message(id, uid), message.encode());
  context.txn.create(keys::change(id, message.modseq, uid), {});
  context.txn.create(keys::content(message.guid, id, uid), {});
  advance(context, id, message.modseq);
  return uid;
}

void remove_message(Context& context, MailboxId id, Uid uid, const MessageValue& message,
                    std::string_view value, ModSeq modseq) {
  MailboxValue& mailbox = context.mailboxes.change(id);
  AccountValue& account = context.accounts.change(mailbox.account);
  const Counted counted(message.flags);
  --mailbox.messages;
  mailbox.unseen -= counted.unseen;
  mailbox.deleted -= counted.deleted;
  mailbox.bytes -= message.size;
  ++mailbox.tombstones;
  --account.messages;
  account.used_bytes -= message.size;

  context.txn.erase(keys::change(id, message.modseq, uid), {});
  context.txn.erase(keys::content(message.guid, id, uid), {});
  context.txn.create(keys::tombstone(id, modseq, uid), {});
  context.txn.erase(keys::message(id, uid), value);
  advance(context, id, modseq);
}

void change_message(Context& context, MailboxId id, Uid uid, const MessageState& before,
                    const MessageState& now, std::string_view value) {
  MailboxValue& mailbox = context.mailboxes.change(id);
  const Counted was(before.flags), is(now.flags);
  mailbox.unseen += is.unseen - was.unseen;
  mailbox.deleted += is.deleted - was.deleted;

  std::string changed(value);
  now.patch(changed);
  context.txn.replace(keys::message(id, uid), value, changed);
  context.txn.erase(keys::change(id, before.modseq, uid), {});
  context.txn.create(keys::change(id, now.modseq, uid), {});
  advance(context, id, now.modseq);
}

Result<void> count_change(Context& context) {
  if (++context.changes > MailLimits::messages)
    return refuse(ErrorCode::kLimit, "too many messages at once");
  return {};
}

void advance(Context& context, MailboxId mailbox, ModSeq modseq) {
  context.mailboxes.change(mailbox).highest_modseq = modseq;
  if (context.told.touched.empty() || context.told.touched.back() != mailbox)
    context.told.touched.push_back(mailbox);
}

Result<void> trim_tombstones(Context& context, MailboxId id) {
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, context.mailboxes.find(id));
  if (!mailbox || mailbox->tombstones <= kTombstonesMax + kTombstonesSlack) return {};
  MailboxValue& changed = context.mailboxes.change(id);
  // From the floor on: below it there is nothing but LevelDB's markers of what was removed.
  return context.txn.scan(keys::tombstones(id), keys::tombstone(id, changed.expunge_floor, Uid{0}),
                          [&](std::string_view key, std::string_view value) -> Result<bool> {
                            const auto tombstone = keys::parse_change(key);
                            if (!tombstone)
                              return Error{ErrorCode::kCorrupt, "index: a malformed tombstone"};
                            changed.expunge_floor = tombstone->modseq;
                            --changed.tombstones;
                            context.txn.erase(key, value);
                            return changed.tombstones > kTombstonesMax;
                          });
}

}  // namespace everpost::storage::mail
