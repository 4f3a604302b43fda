// Thousands of random commands. Each is applied to a shard one record at a time, to a second shard
// in groups, and to a model in memory: all three must agree, and every counter must be right.
#include <algorithm>
#include <random>

#include "tests/unit/storage/mail_audit.h"
#include "tests/unit/storage/mail_shard.h"
#include "tests/unit/storage/plain_mail.h"

namespace everpost::storage {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;  // microseconds

class RandomMail {
 public:
  explicit RandomMail(unsigned seed) : random_(seed) {}

  void run(int commands) {
    for (int i = 0; i < commands && !testing::Test::HasFailure(); ++i) {
      ++model_.now;
      step();
      if (i % 100 == 99) compare();
    }
    compare();
    apply_waiting();
    EXPECT_EQ(one_.index().digest(), grouped_.index().digest());
    EXPECT_EQ(one_.index().digest(), *one_.index().recompute_digest());
    EXPECT_EQ(grouped_.index().digest(), *grouped_.index().recompute_digest());
  }

  int succeeded = 0;

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(static_cast<std::uint32_t>(from.size()))];
  }

  OpId new_op() { return {one_.hour(), below(3), random_() % 1'000'000 + (++ops_ << 20)}; }
  MailApplied apply_next(Proposed record) {
    const MailApplied told = one_.apply(record);
    waiting_.push_back(std::move(record));
    return told;
  }
  // Applies a command to both shards; the grouped one may lag behind.
  MailOutcome apply(MailCommand command, const std::string& body = {}) {
    MailTxn txn;
    if (below(10) == 0) {
      // The same with a second command, which fails: neither happens.
      txn.op = new_op();
      txn.commands = {command, DeleteMailbox{AccountId{1}, "never there"}};
      EXPECT_TRUE(apply_next({RecordType::kTxn, encode(txn), body}).outcome->error);
    }
    txn.op = new_op();
    txn.commands = {std::move(command)};
    Proposed record{RecordType::kTxn, encode(txn), body};
    if (below(50) == 0) record.micros_later = 2 * kHour;
    const MailOutcome outcome = *apply_next(record).outcome;
    record.micros_later = 0;
    if (below(12) == 0) EXPECT_TRUE(apply_next(record).outcome->repeated);  // a retry
    if (waiting_.size() > below(50)) apply_waiting();
    succeeded += !outcome.error;
    return outcome;
  }
  void apply_waiting() {
    if (!waiting_.empty()) grouped_.apply_all(waiting_);
    waiting_.clear();
  }

  // The account's names, or those that can be selected.
  std::vector<std::string> names(std::uint64_t account, bool selectable) {
    std::vector<std::string> names;
    for (const auto& [name, mailbox] : model_.accounts[account].mailboxes)
      if (mailbox.selectable || !selectable) names.push_back(name);
    return names;
  }
  MailboxId id_of(std::uint64_t account, const std::string& name) {
    return one_.mailbox(AccountId{account}, name).id;
  }
  std::string some_name() {
    static const std::vector<std::string> kLevels = {"a", "b", "c", "INBOX"};
    std::string name = pick(kLevels);
    for (std::uint32_t more = below(3); more > 0; --more) name += "/" + pick(kLevels).substr(0, 1);
    return name;
  }
  UidSet some_uids(const PlainMail::Mailbox& mailbox) {
    UidSet uids;
    for (std::uint32_t n = below(3) + 1; n > 0; --n) {
      const std::uint32_t first = below(mailbox.uid_next + 2) + 1;
      uids.add(Uid{first}, Uid{below(10) == 0 ? UINT32_MAX : first + below(6)});
    }
    return uids;
  }
  Flags some_flags() {
    static const std::vector<std::string> kKeywords = {"work", "$Junk", "later"};
    Flags flags;
    flags.system = static_cast<std::uint16_t>(below(32));
    for (std::uint32_t n = below(3); n > 0; --n) {
      std::string keyword = pick(kKeywords);
      if (below(2) == 0) keyword[0] = static_cast<char>(std::toupper(keyword[0]));
      flags.keywords.push_back(std::move(keyword));
    }
    return flags;
  }

  void step() {
    const std::uint64_t account = pick(accounts_);
    if (model_.accounts[account].mailboxes.empty()) return add(account);
    switch (below(24)) {
      case 0:
        return create(account);
      case 1:
        return rename(account);
      case 2:
        return remove(account);
      case 3:
        return quota(account);
      case 4:
        return subscribe(account);
      case 5:
      case 6:
        return expunge(account);
      case 7:
      case 8:
      case 9:
        return transfer(account);
      case 10:
        return claim_recent(account);
      case 20:
        return enqueue();
      case 21:
        return dequeue();
      case 22:
        return expire();
      case 23:
        return below(20) == 0 ? delete_account(account) : add(account);
      case 11:
      case 12:
      case 13:
      case 14:
        return store(account);
      default:
        return add(account);
    }
  }

  void add(std::uint64_t account) {
    const bool first = model_.accounts[account].mailboxes.empty();
    const std::string name = first || below(2) == 0 ? "INBOX" : pick(names(account, true));
    AddMessage command;
    command.targets.push_back(
        {AccountId{account}, name == "INBOX" ? MailboxId{0} : id_of(account, name)});
    std::string body;
    command.content = MailShard::content(std::string(below(100) + 1, 'a' + char(below(26))), body);
    command.flags = some_flags();
    command.enforce_quota = below(2) == 0;
    const MailOutcome outcome = apply(command, body);
    ASSERT_FALSE(outcome.error);
    const auto& added = std::get<std::vector<AddedMessage>>(outcome.results[0])[0];
    ASSERT_EQ(!added.error, model_.add(account, name, command.flags, command.content.size,
                                       command.enforce_quota));
    if (!added.error) {
      new_uid(added.mailbox, added.uid);
      new_modseq(account, added.modseq);
    }
  }

  void store(std::uint64_t account) {
    const std::string name = pick(names(account, true));
    StoreFlags command;
    command.mailbox = id_of(account, name);
    command.uids = some_uids(model_.accounts[account].mailboxes[name]);
    command.mode = static_cast<StoreFlags::Mode>(below(3));
    command.flags = some_flags();
    std::uint64_t unchanged_since = UINT64_MAX;
    if (below(3) == 0 && !times_[account].empty()) {
      const auto at = std::next(times_[account].begin(),
                                below(static_cast<std::uint32_t>(times_[account].size())));
      unchanged_since = at->second;
      command.unchanged_since = ModSeq{at->first};
    }
    const MailOutcome outcome = apply(command);
    ASSERT_FALSE(outcome.error);
    const auto& stored = std::get<StoredFlags>(outcome.results[0]);
    const auto changed = model_.store(account, name, command, unchanged_since);
    ASSERT_EQ(stored.changed.count(), changed.size());
    for (const std::uint32_t uid : changed) ASSERT_TRUE(stored.changed.contains(Uid{uid}));
    if (!changed.empty()) new_modseq(account, stored.modseq);
  }

  void expunge(std::uint64_t account) {
    const std::string name = pick(names(account, true));
    Expunge command{id_of(account, name), some_uids(model_.accounts[account].mailboxes[name]),
                    below(2) == 0};
    const MailOutcome outcome = apply(command);
    ASSERT_FALSE(outcome.error);
    const auto& expunged = std::get<Expunged>(outcome.results[0]);
    const auto gone = model_.expunge(account, name, command);
    ASSERT_EQ(expunged.uids.count(), gone.size());
    if (!gone.empty()) new_modseq(account, expunged.modseq);
  }

  void transfer(std::uint64_t account) {
    const std::string from = pick(names(account, true)), to = pick(names(account, true));
    CopyMessages command{id_of(account, from), some_uids(model_.accounts[account].mailboxes[from]),
                         id_of(account, to), below(2) == 0, below(2) == 0};
    const MailOutcome outcome = apply(command);
    ASSERT_EQ(!outcome.error, model_.transfer(account, from, to, command.uids, command.move,
                                              command.enforce_quota));
    if (outcome.error) return;
    const auto& copied = std::get<CopiedMessages>(outcome.results[0]);
    for (const Uid uid : copied.to) new_uid(command.target, uid);
    if (command.move && !copied.to.empty()) new_modseq(account, copied.source_modseq);
  }

  void create(std::uint64_t account) {
    const std::string name = some_name();
    const MailOutcome outcome = apply(CreateMailbox{AccountId{account}, name, ""});
    ASSERT_EQ(!outcome.error, model_.create(account, name)) << name;
    if (!outcome.error) {
      const auto& created = std::get<CreatedMailbox>(outcome.results[0]);
      ASSERT_TRUE(validities_[account].insert(created.uid_validity.value).second);
    }
  }
  void rename(std::uint64_t account) {
    const std::string from = below(4) == 0 ? some_name() : pick(names(account, false));
    const std::string to = some_name();
    const MailOutcome outcome = apply(RenameMailbox{AccountId{account}, from, to});
    ASSERT_EQ(!outcome.error, model_.rename(account, from, to)) << from << " to " << to;
  }
  void remove(std::uint64_t account) {
    const std::string name = below(4) == 0 ? some_name() : pick(names(account, false));
    const MailOutcome outcome = apply(DeleteMailbox{AccountId{account}, name});
    ASSERT_EQ(!outcome.error, model_.remove(account, name)) << name;
  }
  void quota(std::uint64_t account) {
    const std::uint64_t bytes = below(2) == 0 ? 0 : below(5000);
    ASSERT_FALSE(apply(SetQuota{AccountId{account}, bytes}).error);
    model_.accounts[account].quota = bytes;
  }
  void subscribe(std::uint64_t account) {
    const std::string name = some_name();
    const bool on = below(2) == 0;
    ASSERT_FALSE(apply(Subscribe{AccountId{account}, name, on}).error);
    if (on)
      model_.accounts[account].subscribed.insert(name);
    else
      model_.accounts[account].subscribed.erase(name);
  }
  void claim_recent(std::uint64_t account) {
    const std::string name = pick(names(account, true));
    const MailOutcome outcome = apply(ClaimRecent{id_of(account, name)});
    PlainMail::Mailbox& mailbox = model_.accounts[account].mailboxes[name];
    ASSERT_EQ(std::get<ClaimedRecent>(outcome.results[0]).first_recent, Uid{mailbox.first_recent});
    mailbox.first_recent = mailbox.uid_next;
  }

  void delete_account(std::uint64_t account) {
    ASSERT_FALSE(apply(DeleteAccount{AccountId{account}}).error);
    model_.accounts[account] = {};
    std::ranges::replace(accounts_, account, next_account_++);
  }
  void enqueue() {
    QueueAdd command;
    std::string body;
    command.content = MailShard::content(std::string(below(50) + 1, 'q'), body);
    command.recipients.resize(below(3) + 1);
    const MailOutcome outcome = apply(command, body);
    ASSERT_FALSE(outcome.error);
    auto& pending = queue_[std::get<QueuedMessage>(outcome.results[0]).queue_id];
    for (std::uint16_t n = 0; n < command.recipients.size(); ++n) pending.insert(n);
  }
  void dequeue() {
    if (queue_.empty()) return;
    const auto entry = std::next(queue_.begin(), below(static_cast<std::uint32_t>(queue_.size())));
    const auto n = static_cast<std::uint16_t>(below(3));
    const MailOutcome outcome = apply(QueueDone{entry->first, {n}});
    if (outcome.error) return;
    entry->second.erase(n);
    if (entry->second.empty()) queue_.erase(entry);
  }
  void expire() {
    ASSERT_FALSE(apply(Expire{one_.hour() - 24, WallTime{one_.time.micros - kHour}}).error);
  }

  // P5: never given before, and above all that were.
  void new_uid(MailboxId mailbox, Uid uid) {
    ASSERT_GT(uid, last_uid_[mailbox]);
    last_uid_[mailbox] = uid;
  }
  void new_modseq(std::uint64_t account, ModSeq modseq) {
    auto& times = times_[account];
    ASSERT_TRUE(times.empty() || times.rbegin()->first < modseq.value);
    times[modseq.value] = model_.now;
  }

  void compare() {
    const auto findings = audit(one_.dump());
    for (const std::string& finding : findings) ADD_FAILURE() << finding;
    const auto reader = one_.reader();
    const auto queue = reader->queue(0, SIZE_MAX);
    ASSERT_TRUE(queue);
    ASSERT_EQ(queue->size(), queue_.size());
    for (const QueueEntry& entry : *queue)
      for (std::uint16_t n = 0; n < entry.done.size(); ++n)
        ASSERT_EQ(entry.done[n], !queue_.at(entry.queue_id).contains(n));
    for (const auto& [id, account] : model_.accounts) {
      if (account.mailboxes.empty()) continue;
      SCOPED_TRACE(id);
      const auto mailboxes = reader->mailboxes(AccountId{id});
      ASSERT_TRUE(mailboxes);
      ASSERT_EQ(mailboxes->size(), account.mailboxes.size());
      ASSERT_EQ(reader->account(AccountId{id})->used_bytes, account.used());
      ASSERT_EQ(*reader->subscriptions(AccountId{id}),
                std::vector<std::string>(account.subscribed.begin(), account.subscribed.end()));
      auto want = account.mailboxes.begin();
      for (const MailboxInfo& got : *mailboxes) {
        ASSERT_EQ(got.name, want->first);
        compare_mailbox(*reader, got, want->second, id);
        ++want;
      }
    }
  }

  void compare_mailbox(const MailReader& reader, const MailboxInfo& got,
                       const PlainMail::Mailbox& want, std::uint64_t account) {
    SCOPED_TRACE(got.name);
    ASSERT_EQ(got.selectable, want.selectable);
    if (!got.selectable) return;
    ASSERT_EQ(got.uid_next, Uid{want.uid_next});
    ASSERT_EQ(got.first_recent, Uid{want.first_recent});
    UidSet all;
    all.add(Uid{1}, Uid{4294967295});
    const auto messages = reader.messages(got.id, all, SIZE_MAX);
    ASSERT_TRUE(messages);
    ASSERT_EQ(messages->size(), want.messages.size());
    auto model = want.messages.begin();
    for (const MessageInfo& message : *messages) {
      ASSERT_EQ(message.uid, Uid{model->first});
      ASSERT_EQ(message.flags.system, model->second.flags);
      ASSERT_EQ(message.size, model->second.size);
      ASSERT_EQ(message.flags.keywords.size(), model->second.keywords.size());
      ++model;
    }
    compare_changes(reader, got, want, account);
  }

  void compare_changes(const MailReader& reader, const MailboxInfo& got,
                       const PlainMail::Mailbox& want, std::uint64_t account) {
    auto& times = times_[account];
    if (times.empty()) return;
    const auto since = std::next(times.begin(), below(static_cast<std::uint32_t>(times.size())));
    const auto changes = reader.changes(got.id, ModSeq{since->first});
    ASSERT_TRUE(changes);
    std::vector<std::uint32_t> uids, want_uids;
    for (const MessageInfo& message : changes->changed) uids.push_back(message.uid.value);
    for (const auto& [uid, message] : want.messages)
      if (message.changed > since->second) want_uids.push_back(uid);
    ASSERT_EQ(uids, want_uids);
    std::vector<Uid> vanished;
    for (const auto& [uid, when] : want.vanished)
      if (when > since->second) vanished.push_back(Uid{uid});
    ASSERT_EQ(changes->vanished, UidSet::of(vanished));
  }

  std::mt19937_64 random_;
  MailShard one_, grouped_;
  std::vector<Proposed> waiting_;  // for grouped_
  PlainMail model_;
  std::uint64_t ops_ = 0;
  std::vector<std::uint64_t> accounts_{1, 2, 3};
  std::uint64_t next_account_ = 4;
  std::map<std::uint64_t, std::set<std::uint16_t>> queue_;  // what is not done
  std::map<MailboxId, Uid> last_uid_;
  std::map<std::uint64_t, std::map<std::uint64_t, std::uint64_t>> times_;  // account: modseq -> now
  std::map<std::uint64_t, std::set<std::uint32_t>> validities_;
};

TEST(MailProperty, RandomCommandsDoWhatTheModelSays) {
  for (const unsigned seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    RandomMail mail(seed);
    mail.run(1500);
    EXPECT_GT(mail.succeeded, 1200);
  }
}

}  // namespace
}  // namespace everpost::storage
