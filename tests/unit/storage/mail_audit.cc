#include "tests/unit/storage/mail_audit.h"

#include <set>

#include "storage/index/keys.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/values.h"

namespace everpost::storage {
namespace {

using namespace mail;

class Audit {
 public:
  explicit Audit(const std::map<std::string, std::string>& dump) : dump_(dump) {}

  std::vector<std::string> run() {
    load();
    check_messages();
    check_mailboxes();
    check_names();
    check_accounts();
    check_queue();
    check_bodies();
    return findings_;
  }

 private:
  struct Counted {
    std::uint32_t messages = 0, unseen = 0, deleted = 0, tombstones = 0, changes = 0, contents = 0;
    std::uint64_t bytes = 0;
  };

  void expect(bool holds, const std::string& what) {
    if (!holds) findings_.push_back(what);
  }
  template <class Visit>
  void each(std::string_view prefix, Visit visit) {
    for (auto at = dump_.lower_bound(std::string(prefix));
         at != dump_.end() && at->first.starts_with(prefix); ++at)
      visit(at->first, at->second);
  }
  static std::uint64_t number(std::string_view key, std::size_t at) {
    return load_be<std::uint64_t>(as_bytes(key).data() + at);
  }

  void load() {
    each("A/",
         [&](auto& key, auto& value) { accounts_[number(key, 2)] = *AccountValue::decode(value); });
    each("M/", [&](auto& key, auto& value) {
      mailboxes_[number(key, 2)] = *MailboxValue::decode(value);
    });
    each("K/", [&](auto& key, auto&) { dead_.insert(number(key, 2)); });
    if (dump_.contains("Z/mail")) shard_ = *ShardValue::decode(dump_.at("Z/mail"));
    expect(shard_.dead_mailboxes == dead_.size(), "Z/mail counts other dead mailboxes");
  }

  void check_messages() {
    each("U/", [&](auto& key, auto& value) {
      const MailboxId mailbox{number(key, 2)};
      const Uid uid = *keys::parse_message(key);
      const MessageValue message = *MessageValue::decode(value);
      ++references_[message.body.value];
      const std::string name = "message " + to_string(mailbox) + "/" + to_string(uid);
      expect(dump_.contains(std::string(keys::change(mailbox, message.modseq, uid).view())),
             name + " has no Q/ at its modseq");
      expect(dump_.contains(std::string(keys::content(message.guid, mailbox, uid).view())),
             name + " has no G/");
      const auto owner = mailboxes_.find(mailbox.value);
      if (owner == mailboxes_.end()) {
        expect(dead_.contains(mailbox.value), name + " is of no mailbox");
        return;
      }
      Counted& counted = counted_[mailbox.value];
      ++counted.messages;
      counted.unseen += (message.flags & kSeen) == 0;
      counted.deleted += (message.flags & kDeleted) != 0;
      counted.bytes += message.size;
      expect(uid < owner->second.uid_next, name + " is beyond UIDNEXT");
      expect(message.modseq <= owner->second.highest_modseq, name + " is beyond HIGHESTMODSEQ");
      const std::size_t keywords = owner->second.keywords.size();
      expect(keywords == 64 || message.keywords >> keywords == 0,
             name + " has keywords that its mailbox does not");
    });
    each("Q/", [&](auto& key, auto&) { ++counted_[number(key, 2)].changes; });
    each("V/", [&](auto& key, auto&) {
      ++counted_[number(key, 2)].tombstones;
      expect(!dump_.contains(std::string(
                 keys::message(MailboxId{number(key, 2)}, keys::parse_change(key)->uid).view())),
             "a tombstone of a living message");
    });
    each("G/", [&](auto& key, auto&) { ++counted_[number(key, 18)].contents; });
  }

  void check_mailboxes() {
    for (const auto& [id, mailbox] : mailboxes_) {
      const Counted& counted = counted_[id];
      const std::string name = "mailbox " + std::to_string(id) + " (" + mailbox.name + ")";
      expect(id < shard_.next_mailbox.value, name + " has an id that was not given out");
      expect(mailbox.messages == counted.messages, name + " counts other messages");
      expect(mailbox.unseen == counted.unseen, name + " counts other unseen ones");
      expect(mailbox.deleted == counted.deleted, name + " counts other deleted ones");
      expect(mailbox.bytes == counted.bytes, name + " counts other bytes");
      expect(mailbox.tombstones == counted.tombstones, name + " counts other tombstones");
      expect(counted.changes == counted.messages, name + " has more Q/ than messages");
      expect(counted.contents == counted.messages, name + " has more G/ than messages");
      expect(mailbox.first_recent <= mailbox.uid_next, name + " has \\Recent beyond UIDNEXT");
      const auto named = dump_.find(std::string(keys::name(mailbox.account, mailbox.name).view()));
      expect(named != dump_.end() && *decode_mailbox_id(named->second) == MailboxId{id},
             name + " is not under its name");
      const auto owner = accounts_.find(mailbox.account.value);
      if (owner == accounts_.end()) {
        expect(false, name + " has no account");
        continue;
      }
      expect(mailbox.highest_modseq <= owner->second.modseq, name + " is ahead of its account");
      expect(mailbox.uid_validity <= owner->second.uid_validity,
             name + " has a future UIDVALIDITY");
    }
  }

  void check_names() {
    each("N/", [&](auto& key, auto& value) {
      const std::uint64_t id = decode_mailbox_id(value)->value;
      const std::string name(keys::parse_name(key));
      expect(mailboxes_.contains(id), "name " + name + " leads nowhere");
      const AccountId account{number(key, 2)};
      for (const std::string_view superior : superiors(name))
        expect(dump_.contains(std::string(keys::name(account, superior).view())),
               name + " has no " + std::string(superior));
      if (mailboxes_.contains(id) && !mailboxes_.at(id).selectable) {
        const auto below = dump_.lower_bound(key + "/");
        expect(below != dump_.end() && below->first.starts_with(key + "/"),
               name + " is a name without inferiors");
      }
    });
  }

  void check_accounts() {
    for (const auto& [id, account] : accounts_) {
      const std::string name = "account " + std::to_string(id);
      std::uint64_t messages = 0, bytes = 0;
      std::uint32_t mailboxes = 0, subscriptions = 0;
      for (const auto& [mailbox, value] : mailboxes_) {
        if (value.account.value != id) continue;
        ++mailboxes;
        messages += value.messages;
        bytes += value.bytes;
      }
      each(keys::subscriptions(AccountId{id}), [&](auto&, auto&) { ++subscriptions; });
      expect(account.mailboxes == mailboxes, name + " counts other mailboxes");
      expect(account.messages == messages, name + " counts other messages");
      expect(account.used_bytes == bytes, name + " counts other bytes");
      expect(account.subscriptions == subscriptions, name + " counts other subscriptions");
      if (account.deleted) {
        expect(mailboxes == 0, name + " is deleted and has mailboxes");
        continue;
      }
      const auto inbox = dump_.find(std::string(keys::name(AccountId{id}, kInbox).view()));
      expect(inbox != dump_.end() && *decode_mailbox_id(inbox->second) == account.inbox,
             name + " has another INBOX");
    }
  }

  void check_queue() {
    each("O/", [&](auto& key, auto& value) {
      const std::uint64_t id = number(key, 2);
      const QueueValue entry = *QueueValue::decode(value);
      ++references_[entry.body.value];
      std::uint32_t recipients = 0, pending = 0;
      each(keys::recipients(id), [&](auto&, auto& recipient) {
        ++recipients;
        pending += !RecipientValue::decode(recipient)->done;
      });
      expect(entry.recipients == recipients && entry.pending == pending && pending > 0,
             "queue entry " + std::to_string(id) + " counts other recipients");
    });
  }

  void check_bodies() {
    each("B/", [&](auto& key, auto& value) {
      const std::uint64_t id = number(key, 2);
      const BodyValue body = *BodyValue::decode(value);
      expect(body.key().value == id, "body " + std::to_string(id) + " is under another key");
      expect(body.references > 0 && body.references == references_[id],
             "body " + std::to_string(id) + " counts " + std::to_string(body.references) +
                 " references instead of " + std::to_string(references_[id]));
      references_.erase(id);
    });
    for (const auto& [id, count] : references_)
      expect(false, "body " + std::to_string(id) + " is missing");
  }

  const std::map<std::string, std::string>& dump_;
  std::vector<std::string> findings_;
  std::map<std::uint64_t, AccountValue> accounts_;
  std::map<std::uint64_t, MailboxValue> mailboxes_;
  std::set<std::uint64_t> dead_;
  ShardValue shard_;
  std::map<std::uint64_t, Counted> counted_;
  std::map<std::uint64_t, std::uint32_t> references_;
};

}  // namespace

std::vector<std::string> audit(const std::map<std::string, std::string>& dump) {
  return Audit(dump).run();
}

}  // namespace everpost::storage
