// What is remembered of expunged messages, and what a client is told once it is not (H37).
#include "storage/index/keys.h"
#include "storage/machine/mail/messages.h"
#include "tests/unit/storage/mail_shard.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnn{1};

class MailTombstones : public testing::Test {
 protected:
  // A mailbox with one message, after that many others were expunged one by one.
  MailboxId mailbox_after(std::uint32_t expunged) {
    const MailboxId id = shard_.create(kAnn, "work");
    pretend(id, expunged);
    shard_.add(kAnn, id);
    return id;
  }
  void pretend(MailboxId id, std::uint32_t expunged) {
    const auto txn = shard_.index().begin();
    auto mailbox = *mail::MailboxValue::decode(**txn->get(keys::mailbox(id)));
    auto account = *mail::AccountValue::decode(**txn->get(keys::account(kAnn)));
    first_ = account.modseq;
    for (std::uint32_t uid = 1; uid <= expunged; ++uid)
      txn->create(keys::tombstone(id, ModSeq{first_.value + uid}, Uid{uid}), {});
    mailbox.uid_next = Uid{expunged + 1};
    mailbox.tombstones = expunged;
    mailbox.highest_modseq = account.modseq = ModSeq{first_.value + expunged};
    ASSERT_TRUE(txn->put(keys::mailbox(id), mailbox.encode()));
    ASSERT_TRUE(txn->put(keys::account(kAnn), account.encode()));
    ASSERT_TRUE(txn->commit(shard_.index().applied()));
  }
  mail::MailboxValue value(MailboxId id) {
    return *mail::MailboxValue::decode(shard_.dump("M/").at(std::string(keys::mailbox(id).view())));
  }
  void SetUp() override { shard_.must<Done>(CreateAccount{kAnn, 0}); }

  MailShard shard_;
  ModSeq first_;
};

TEST_F(MailTombstones, AreKeptUpToTheLimit) {
  const MailboxId id = mailbox_after(100);
  shard_.must<Expunged>(Expunge{id, uid_set({101}), false});
  EXPECT_EQ(value(id).tombstones, 101u);
  EXPECT_EQ(value(id).expunge_floor, ModSeq{0});
}

TEST_F(MailTombstones, BeyondTheLimitTheOldestGo) {
  constexpr std::uint32_t kMany = mail::kTombstonesMax + mail::kTombstonesSlack;
  const MailboxId id = mailbox_after(kMany);
  shard_.must<Expunged>(Expunge{id, uid_set({kMany + 1}), false});
  EXPECT_EQ(value(id).tombstones, mail::kTombstonesMax);
  EXPECT_EQ(value(id).expunge_floor, ModSeq{first_.value + mail::kTombstonesSlack + 1});
  EXPECT_EQ(shard_.dump(keys::tombstones(id)).size(), mail::kTombstonesMax);
  EXPECT_EQ(shard_.index().digest(), *shard_.index().recompute_digest());

  // From the floor on the answer is exact; below it every UID that is not there has vanished.
  const auto at_floor = shard_.reader()->changes(id, value(id).expunge_floor);
  EXPECT_EQ(at_floor->vanished, uid_range(mail::kTombstonesSlack + 2, kMany + 1));
  shard_.add(kAnn, id);
  const auto below = shard_.reader()->changes(id, ModSeq{1});
  EXPECT_EQ(below->vanished, uid_range(1, kMany + 1));
  EXPECT_EQ(below->changed.size(), 1u);
}

}  // namespace
}  // namespace everpost::storage
