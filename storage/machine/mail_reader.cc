#include "storage/machine/mail_reader.h"

#include <algorithm>

#include "storage/index/keys.h"
#include "storage/machine/mail/keywords.h"
#include "storage/machine/mail/messages.h"
#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/values.h"

namespace everpost::storage {
namespace {

using namespace mail;

Error not_found(std::string_view what) { return {ErrorCode::kNotFound, std::string(what)}; }
Error damaged(std::string_view what) {
  return {ErrorCode::kCorrupt, "index: a malformed key of " + std::string(what)};
}

MailboxInfo info(MailboxId id, MailboxValue mailbox) {
  MailboxInfo info;
  info.id = id;
  info.account = mailbox.account;
  info.name = std::move(mailbox.name);
  info.special_use = std::move(mailbox.special_use);
  info.selectable = mailbox.selectable;
  info.uid_validity = mailbox.uid_validity;
  info.uid_next = mailbox.uid_next;
  info.first_recent = mailbox.first_recent;
  info.highest_modseq = mailbox.highest_modseq;
  info.messages = mailbox.messages;
  info.unseen = mailbox.unseen;
  info.deleted = mailbox.deleted;
  info.bytes = mailbox.bytes;
  info.keywords = std::move(mailbox.keywords);
  return info;
}

// The UIDs from 1 to below `next` that are not among `there`, which ascend.
UidSet missing(const std::vector<Uid>& there, Uid next) {
  UidSet gaps;
  std::uint32_t from = 1;
  for (const Uid uid : there) {
    if (uid.value > from) gaps.add(Uid{from}, Uid{uid.value - 1});
    from = uid.value + 1;
  }
  if (next.value > from) gaps.add(Uid{from}, Uid{next.value - 1});
  return gaps;
}

class Reader final : public MailReader {
 public:
  Reader(std::unique_ptr<IndexView> view, Lsn applied)
      : view_(std::move(view)), applied_(applied) {}

  Lsn applied() const override { return applied_; }

  Result<AccountInfo> account(AccountId id) const override {
    ASSIGN_OR_RETURN(const AccountValue found, find_account(id));
    return AccountInfo{id, found.quota_bytes, found.used_bytes, found.messages};
  }

  Result<std::vector<MailboxInfo>> mailboxes(AccountId account) const override {
    RETURN_IF_ERROR(find_account(account));
    std::vector<MailboxId> ids;
    RETURN_IF_ERROR(view_->scan(keys::names(account), {},
                                [&](std::string_view, std::string_view value) -> Result<bool> {
                                  ASSIGN_OR_RETURN(const MailboxId id, decode_mailbox_id(value));
                                  ids.push_back(id);
                                  return true;
                                }));
    std::vector<MailboxInfo> found;
    found.reserve(ids.size());
    for (const MailboxId id : ids) {
      ASSIGN_OR_RETURN(MailboxValue value, find(id));
      found.push_back(info(id, std::move(value)));
    }
    return found;
  }

  Result<std::vector<std::string>> subscriptions(AccountId account) const override {
    RETURN_IF_ERROR(find_account(account));
    std::vector<std::string> names;
    RETURN_IF_ERROR(view_->scan(keys::subscriptions(account), {},
                                [&](std::string_view key, std::string_view) -> Result<bool> {
                                  names.emplace_back(keys::parse_name(key));
                                  return true;
                                }));
    return names;
  }

  Result<MailboxInfo> find_mailbox(AccountId account, const std::string& name) const override {
    if (name.size() > MailLimits::name_bytes) return not_found("no such mailbox");
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::name(account, name)));
    if (!value) return not_found("no such mailbox");
    ASSIGN_OR_RETURN(const MailboxId id, decode_mailbox_id(*value));
    return mailbox(id);
  }

  Result<MailboxInfo> mailbox(MailboxId id) const override {
    ASSIGN_OR_RETURN(MailboxValue value, find(id));
    return info(id, std::move(value));
  }

  Result<std::vector<Uid>> uids(MailboxId id) const override {
    ASSIGN_OR_RETURN(const MailboxValue mailbox, find(id));
    std::vector<Uid> uids;
    uids.reserve(mailbox.messages);
    RETURN_IF_ERROR(view_->scan(keys::messages(id), {},
                                [&](std::string_view key, std::string_view) -> Result<bool> {
                                  const auto uid = keys::parse_message(key);
                                  if (!uid) return damaged("a message");
                                  uids.push_back(*uid);
                                  return true;
                                }));
    return uids;
  }

  Result<Uid> first_unseen(MailboxId id) const override {
    ASSIGN_OR_RETURN(const MailboxValue mailbox, find(id));
    Uid first{0};
    if (mailbox.unseen == 0) return first;
    RETURN_IF_ERROR(view_->scan(keys::messages(id), {},
                                [&](std::string_view key, std::string_view value) -> Result<bool> {
                                  ASSIGN_OR_RETURN(const auto state, MessageState::decode(value));
                                  if ((state.flags & kSeen) != 0) return true;
                                  const auto uid = keys::parse_message(key);
                                  if (!uid) return damaged("a message");
                                  first = *uid;
                                  return false;
                                }));
    return first;
  }

  Result<std::vector<MessageInfo>> messages(MailboxId id, const UidSet& uids,
                                            std::size_t limit) const override {
    ASSIGN_OR_RETURN(const MailboxValue mailbox, find(id));
    std::vector<MessageInfo> found;
    if (limit == 0) return found;
    RETURN_IF_ERROR(
        visit_messages(*view_, id, uids, [&](Uid uid, std::string_view value) -> Result<bool> {
          ASSIGN_OR_RETURN(auto one, message(mailbox, uid, value));
          found.push_back(std::move(one));
          return found.size() < limit;
        }));
    return found;
  }

  Result<MailboxChanges> changes(MailboxId id, ModSeq since) const override {
    ASSIGN_OR_RETURN(MailboxValue mailbox, find(id));
    MailboxChanges changes;
    if (since < mailbox.highest_modseq) {
      RETURN_IF_ERROR(find_changed(id, mailbox, since, changes));
      ASSIGN_OR_RETURN(changes.vanished, vanished(id, mailbox, since));
    }
    changes.mailbox = info(id, std::move(mailbox));
    return changes;
  }

  Result<std::vector<QueueEntry>> queue(std::uint64_t from, std::size_t limit) const override {
    std::vector<QueueEntry> entries;
    if (limit == 0) return entries;
    RETURN_IF_ERROR(view_->scan(keys::kQueue, keys::queued(from),
                                [&](std::string_view key, std::string_view value) -> Result<bool> {
                                  const auto id = keys::parse_queued(key);
                                  if (!id) return damaged("a queue entry");
                                  ASSIGN_OR_RETURN(auto entry, queue_entry(*id, value));
                                  entries.push_back(std::move(entry));
                                  return entries.size() < limit;
                                }));
    return entries;
  }

  Result<MailOutcome> outcome(const OpId& op) const override {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::op(op)));
    if (!value) return not_found("no such operation is remembered");
    return decode_outcome(*value);
  }

 private:
  Result<AccountValue> find_account(AccountId id) const {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::account(id)));
    if (!value) return not_found("no such account");
    ASSIGN_OR_RETURN(AccountValue account, AccountValue::decode(*value));
    if (account.deleted) return not_found("the account was deleted");
    return account;
  }

  Result<MailboxValue> find(MailboxId id) const {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::mailbox(id)));
    if (!value) return not_found("no such mailbox");
    return MailboxValue::decode(*value);
  }

  Result<BodyValue> body(Lsn key) const {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::body(key)));
    if (!value)
      return Error{ErrorCode::kCorrupt, "index: no body at " + to_string(key) + " for a message"};
    return BodyValue::decode(*value);
  }

  Result<MessageInfo> message(const MailboxValue& mailbox, Uid uid, std::string_view value) const {
    ASSIGN_OR_RETURN(MessageValue stored, MessageValue::decode(value));
    if (stored.content.empty()) {
      ASSIGN_OR_RETURN(BodyValue shared, body(stored.body));
      stored.content = std::move(shared.content);
    }
    MessageInfo message;
    message.uid = uid;
    message.modseq = stored.modseq;
    message.internal_date = stored.internal_date;
    message.save_date = stored.save_date;
    message.size = stored.size;
    message.flags = {stored.flags, keyword_names(mailbox, stored.keywords)};
    message.guid = stored.guid;
    message.content = std::move(stored.content);
    message.summary = stored.summary;
    return message;
  }

  Result<void> find_changed(MailboxId id, const MailboxValue& mailbox, ModSeq since,
                            MailboxChanges& changes) const {
    std::vector<Uid> uids;
    RETURN_IF_ERROR(view_->scan(keys::changes(id),
                                keys::change(id, ModSeq{since.value + 1}, Uid{0}),
                                [&](std::string_view key, std::string_view) -> Result<bool> {
                                  const auto change = keys::parse_change(key);
                                  if (!change) return damaged("a change");
                                  uids.push_back(change->uid);
                                  return true;
                                }));
    if (uids.empty()) return {};
    std::ranges::sort(uids);
    const std::size_t first = std::min(uids.size(), MailboxChanges::kChangedMax);
    changes.more = UidSet::of({uids.begin() + static_cast<std::ptrdiff_t>(first), uids.end()});
    uids.resize(first);
    changes.changed.reserve(uids.size());
    // Where most have changed, going through all is quicker than looking each up.
    UidSet look_at;
    if (uids.back().value - uids.front().value < 4 * uids.size())
      look_at.add(uids.front(), uids.back());
    else
      look_at = UidSet::of(std::move(uids));
    return visit_messages(*view_, id, look_at,
                          [&](Uid uid, std::string_view value) -> Result<bool> {
                            ASSIGN_OR_RETURN(const auto state, MessageState::decode(value));
                            if (state.modseq <= since) return true;
                            ASSIGN_OR_RETURN(auto one, message(mailbox, uid, value));
                            changes.changed.push_back(std::move(one));
                            return true;
                          });
  }

  Result<UidSet> vanished(MailboxId id, const MailboxValue& mailbox, ModSeq since) const {
    if (since < mailbox.expunge_floor) {
      // H37: older than what is remembered.
      ASSIGN_OR_RETURN(const auto there, uids(id));
      return missing(there, mailbox.uid_next);
    }
    std::vector<Uid> gone;
    RETURN_IF_ERROR(view_->scan(keys::tombstones(id),
                                keys::tombstone(id, ModSeq{since.value + 1}, Uid{0}),
                                [&](std::string_view key, std::string_view) -> Result<bool> {
                                  const auto tombstone = keys::parse_change(key);
                                  if (!tombstone) return damaged("a tombstone");
                                  gone.push_back(tombstone->uid);
                                  return true;
                                }));
    return UidSet::of(std::move(gone));
  }

  Result<QueueEntry> queue_entry(std::uint64_t id, std::string_view value) const {
    ASSIGN_OR_RETURN(QueueValue stored, QueueValue::decode(value));
    ASSIGN_OR_RETURN(BodyValue shared, body(stored.body));
    QueueEntry entry;
    entry.queue_id = id;
    entry.accepted = stored.accepted;
    entry.sender = std::move(stored.sender);
    entry.envelope_id = std::move(stored.envelope_id);
    entry.ret = std::move(stored.ret);
    entry.size = stored.size;
    entry.guid = stored.guid;
    entry.content = std::move(shared.content);
    entry.summary = shared.summary;
    RETURN_IF_ERROR(view_->scan(keys::recipients(id), {},
                                [&](std::string_view, std::string_view one) -> Result<bool> {
                                  ASSIGN_OR_RETURN(auto recipient, RecipientValue::decode(one));
                                  entry.recipients.push_back(std::move(recipient.to));
                                  entry.done.push_back(recipient.done);
                                  return true;
                                }));
    return entry;
  }

  const std::unique_ptr<IndexView> view_;
  const Lsn applied_;
};

}  // namespace

Result<std::unique_ptr<MailReader>> make_mail_reader(std::unique_ptr<IndexView> view) {
  ASSIGN_OR_RETURN(const auto value, view->get(keys::kApplied));
  Lsn applied;
  if (value) {
    if (value->size() != 8) return Error{ErrorCode::kCorrupt, "index: a damaged applied LSN"};
    applied = Lsn{load_le<std::uint64_t>(as_bytes(*value).data())};
  }
  return std::make_unique<Reader>(std::move(view), applied);
}

}  // namespace everpost::storage
