// STORE, EXPUNGE, COPY, MOVE, \Recent, and what a client that comes back learns of them.
#include "storage/index/keys.h"
#include "storage/machine/mail/messages.h"
#include "tests/unit/storage/mail_shard.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnn{1}, kBob{2};

class MailFlags : public testing::Test {
 protected:
  MailFlags() {
    for (int i = 0; i < 5; ++i) inbox_ = shard_.add(kAnn, MailboxId{0}).mailbox;
    archive_ = shard_.mailbox(kAnn, "Archive").id;
  }
  StoredFlags store(UidSet uids, StoreFlags::Mode mode, Flags flags,
                    std::optional<ModSeq> unchanged_since = {}) {
    return shard_.must<StoredFlags>(
        StoreFlags{inbox_, std::move(uids), mode, std::move(flags), unchanged_since});
  }
  static constexpr auto kAdd = StoreFlags::Mode::kAdd;
  static constexpr auto kRemove = StoreFlags::Mode::kRemove;
  static constexpr auto kReplace = StoreFlags::Mode::kReplace;

  MailShard shard_;
  MailboxId inbox_, archive_;
};

TEST_F(MailFlags, AreAddedRemovedAndReplaced) {
  struct Case {
    const char* name;
    StoreFlags::Mode mode;
    Flags given;
    Flags want;
  };
  const Case cases[] = {
      {"add", kAdd, {kSeen, {"$Junk"}}, {kSeen | kFlagged, {"work", "$Junk"}}},
      {"remove", kRemove, {kFlagged, {"WORK"}}, {0, {}}},
      {"remove what is not there", kRemove, {kDraft, {"never"}}, {kFlagged, {"work"}}},
      {"replace", kReplace, {kAnswered, {"new"}}, {kAnswered, {"new"}}},
      {"replace by nothing", kReplace, {}, {}},
  };
  std::uint32_t uid = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ++uid;
    store(uid_set({uid}), kReplace, {kFlagged, {"work"}});
    store(uid_set({uid}), c.mode, c.given);
    const Flags flags = shard_.message(inbox_, uid).flags;
    EXPECT_EQ(flags.system, c.want.system);
    EXPECT_EQ(flags.keywords, c.want.keywords);
  }
}

TEST_F(MailFlags, ChangesOfOneCommandShareAModSeqGreaterThanAnyBefore) {
  const ModSeq before = shard_.mailbox(inbox_).highest_modseq;
  const StoredFlags stored = store(uid_range(2, 4), kAdd, {kSeen, {}});
  EXPECT_GT(stored.modseq, before);
  EXPECT_EQ(stored.changed, uid_range(2, 4));
  for (const std::uint32_t uid : {2, 3, 4})
    EXPECT_EQ(shard_.message(inbox_, uid).modseq, stored.modseq);
  EXPECT_EQ(shard_.mailbox(inbox_).highest_modseq, stored.modseq);
  EXPECT_EQ(shard_.last.touched, std::vector<MailboxId>{inbox_});
}

TEST_F(MailFlags, WhatChangesNothingGetsNoModSeq) {
  store(uid_set({1}), kAdd, {kSeen, {}});
  const ModSeq before = shard_.mailbox(inbox_).highest_modseq;
  const StoredFlags stored = store(uid_set({1}), kAdd, {kSeen, {}});
  EXPECT_TRUE(stored.changed.empty());
  EXPECT_EQ(stored.modseq, ModSeq{0});
  EXPECT_EQ(shard_.mailbox(inbox_).highest_modseq, before);
  EXPECT_TRUE(shard_.last.touched.empty());
}

TEST_F(MailFlags, UidsThatDoNotExistArePassedOver) {
  EXPECT_EQ(store(uid_range(4, 4294967295), kAdd, {kSeen, {}}).changed, uid_range(4, 5));
  EXPECT_TRUE(store(uid_set({77, 79, 100}), kAdd, {kSeen, {}}).changed.empty());
}

TEST_F(MailFlags, UnchangedSinceLeavesNewerMessagesAlone) {  // RFC 7162 §3.1.3
  const ModSeq then = shard_.mailbox(inbox_).highest_modseq;
  store(uid_set({2, 4}), kAdd, {kFlagged, {}});
  const StoredFlags stored = store(uid_range(1, 5), kAdd, {kSeen, {}}, then);
  EXPECT_EQ(stored.changed, uid_set({1, 3, 5}));
  EXPECT_EQ(stored.modified, uid_set({2, 4}));
  EXPECT_EQ(shard_.message(inbox_, 2).flags.system, kFlagged);
}

TEST_F(MailFlags, UnchangedSince0IsRefusedForEveryMessage) {
  const StoredFlags stored = store(uid_range(1, 5), kAdd, {kSeen, {}}, ModSeq{0});
  EXPECT_TRUE(stored.changed.empty());
  EXPECT_EQ(stored.modified, uid_range(1, 5));
}

TEST_F(MailFlags, CountersFollow) {
  store(uid_range(1, 3), kAdd, {kSeen | kDeleted, {}});
  EXPECT_EQ(shard_.mailbox(inbox_).unseen, 2u);
  EXPECT_EQ(shard_.mailbox(inbox_).deleted, 3u);
  store(uid_range(1, 5), kReplace, {kDeleted, {}});
  EXPECT_EQ(shard_.mailbox(inbox_).unseen, 5u);
  EXPECT_EQ(shard_.mailbox(inbox_).deleted, 5u);
}

TEST_F(MailFlags, KeywordsAreTheSameInAnyCaseAndKeepTheFirstSpelling) {
  store(uid_set({1}), kAdd, {0, {"Work"}});
  store(uid_set({2}), kAdd, {0, {"wORK", "WORK"}});
  EXPECT_EQ(shard_.mailbox(inbox_).keywords, std::vector<std::string>{"Work"});
  EXPECT_EQ(shard_.message(inbox_, 2).flags.keywords, std::vector<std::string>{"Work"});
}

TEST_F(MailFlags, AMailboxHas64Keywords) {
  for (int i = 0; i < 64; ++i) store(uid_set({1}), kAdd, {0, {"k" + std::to_string(i)}});
  EXPECT_EQ(shard_.message(inbox_, 1).flags.keywords.size(), 64u);
  EXPECT_EQ(shard_.refusal(StoreFlags{inbox_, uid_set({1}), kAdd, {kSeen, {"k64"}}, {}}),
            ErrorCode::kLimit);
  EXPECT_EQ(shard_.message(inbox_, 1).flags.system, 0);
  store(uid_set({1}), kRemove, {0, {"k63", "not-here"}});
  EXPECT_EQ(shard_.message(inbox_, 1).flags.keywords.size(), 63u);
}

TEST_F(MailFlags, BadOnesAreRefused) {
  const Flags cases[] = {
      {32, {}},   {0x8000, {}},       {0, {""}},      {0, {"a b"}},  {0, {"\\Seen"}}, {0, {"a(b"}},
      {0, {"]"}}, {0, {"k\xC3\xA9"}}, {0, {"a\x01"}}, {0, {"\x7F"}}, {0, {"%"}},      {0, {"*"}},
  };
  for (const Flags& flags : cases)
    EXPECT_EQ(shard_.refusal(StoreFlags{inbox_, uid_set({1}), kAdd, flags, {}}),
              ErrorCode::kInvalidArgument);
}

TEST_F(MailFlags, OfAMailboxThatIsNotThereAreNotFound) {
  EXPECT_EQ(shard_.refusal(StoreFlags{MailboxId{99}, uid_set({1}), kAdd, {}, {}}),
            ErrorCode::kNotFound);
}

TEST_F(MailFlags, ExpungeRemovesWhatIsDeleted) {
  store(uid_set({2, 4}), kAdd, {kDeleted, {}});
  const Expunged gone = shard_.must<Expunged>(Expunge{inbox_, uid_range(1, 3), true});
  EXPECT_EQ(gone.uids, uid_set({2}));
  EXPECT_EQ(shard_.uids(inbox_), (std::vector<std::uint32_t>{1, 3, 4, 5}));
  const MailboxInfo inbox = shard_.mailbox(inbox_);
  EXPECT_EQ(inbox.messages, 4u);
  EXPECT_EQ(inbox.deleted, 1u);
  EXPECT_EQ(inbox.highest_modseq, gone.modseq);
  EXPECT_EQ(inbox.bytes, 4 * 10u);
  EXPECT_EQ(shard_.reader()->account(kAnn)->used_bytes, 4 * 10u);
}

TEST_F(MailFlags, AnExpungedUidIsNeverUsedAgain) {
  shard_.must<Expunged>(Expunge{inbox_, uid_range(1, 5), false});
  EXPECT_EQ(shard_.add(kAnn, inbox_).uid, Uid{6});
}

TEST_F(MailFlags, ExpungeOfNothingChangesNothing) {
  const StateDigest before = shard_.index().digest();
  const ModSeq modseq = shard_.mailbox(inbox_).highest_modseq;
  EXPECT_TRUE(shard_.must<Expunged>(Expunge{inbox_, uid_range(1, 5), true}).uids.empty());
  EXPECT_EQ(shard_.mailbox(inbox_).highest_modseq, modseq);
  EXPECT_NE(shard_.index().digest(), before);  // the operation itself is remembered
  EXPECT_TRUE(shard_.last.touched.empty());
}

TEST_F(MailFlags, CopyKeepsFlagsAndDates) {  // RFC 3501 §6.4.7
  store(uid_set({2}), kAdd, {kFlagged, {"work"}});
  const MessageInfo original = shard_.message(inbox_, 2);
  const auto copied =
      shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_set({2, 3, 9}), archive_, false, true});
  EXPECT_EQ(copied.from, (std::vector<Uid>{Uid{2}, Uid{3}}));
  EXPECT_EQ(copied.to, (std::vector<Uid>{Uid{1}, Uid{2}}));
  EXPECT_EQ(copied.uid_validity, shard_.mailbox(archive_).uid_validity);
  const MessageInfo copy = shard_.message(archive_, 1);
  EXPECT_EQ(copy.flags.system, kFlagged);
  EXPECT_EQ(copy.flags.keywords, std::vector<std::string>{"work"});
  EXPECT_EQ(copy.internal_date, original.internal_date);
  EXPECT_GT(copy.save_date, original.save_date);
  EXPECT_EQ(copy.content, original.content);
  EXPECT_EQ(shard_.mailbox(inbox_).messages, 5u);
  EXPECT_EQ(shard_.reader()->account(kAnn)->messages, 7u);
}

TEST_F(MailFlags, CopyIntoTheSameMailboxDoesNotCopyItsCopies) {
  const auto copied = shard_.must<CopiedMessages>(
      CopyMessages{inbox_, uid_range(1, 4294967295), inbox_, false, true});
  EXPECT_EQ(copied.to.size(), 5u);
  EXPECT_EQ(shard_.mailbox(inbox_).messages, 10u);
}

TEST_F(MailFlags, MoveTakesThemOutOfTheSource) {
  const auto moved =
      shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_set({1, 5}), archive_, true, true});
  EXPECT_EQ(moved.from.size(), 2u);
  EXPECT_EQ(shard_.uids(inbox_), (std::vector<std::uint32_t>{2, 3, 4}));
  EXPECT_EQ(shard_.uids(archive_), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(shard_.mailbox(inbox_).highest_modseq, moved.source_modseq);
  EXPECT_EQ(shard_.reader()->account(kAnn)->messages, 5u);
  EXPECT_EQ(shard_.last.touched, (std::vector<MailboxId>{archive_, inbox_, archive_, inbox_}));
}

TEST_F(MailFlags, MoveWithinAMailboxGivesNewUids) {
  shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_set({1, 2}), inbox_, true, true});
  EXPECT_EQ(shard_.uids(inbox_), (std::vector<std::uint32_t>{3, 4, 5, 6, 7}));
}

TEST_F(MailFlags, CopyOverQuotaCopiesNothing) {
  shard_.must<Done>(SetQuota{kAnn, 70});
  EXPECT_EQ(shard_.refusal(CopyMessages{inbox_, uid_range(1, 3), archive_, false, true}),
            ErrorCode::kOverQuota);
  EXPECT_EQ(shard_.mailbox(archive_).messages, 0u);
  EXPECT_EQ(shard_.mailbox(archive_).uid_next, Uid{1});
  shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_range(1, 2), archive_, false, true});
  shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_range(1, 5), archive_, true, true});
}

TEST_F(MailFlags, CopyToAnotherAccountIsRefused) {
  const MailboxId other = shard_.add(kBob, MailboxId{0}).mailbox;
  EXPECT_EQ(shard_.refusal(CopyMessages{inbox_, uid_set({1}), other, false, true}),
            ErrorCode::kInvalidArgument);
}

TEST_F(MailFlags, RecentGoesToTheFirstSessionOnly) {  // RFC 3501 §2.3.2
  EXPECT_EQ(shard_.must<ClaimedRecent>(ClaimRecent{inbox_}).first_recent, Uid{1});
  EXPECT_EQ(shard_.must<ClaimedRecent>(ClaimRecent{inbox_}).first_recent, Uid{6});
  shard_.add(kAnn, inbox_);
  EXPECT_EQ(shard_.mailbox(inbox_).first_recent, Uid{6});
  EXPECT_EQ(shard_.must<ClaimedRecent>(ClaimRecent{inbox_}).first_recent, Uid{6});
}

TEST_F(MailFlags, ChangesAreWhatIsNewerThanAsked) {
  const ModSeq then = shard_.mailbox(inbox_).highest_modseq;
  store(uid_set({4, 2}), kAdd, {kSeen, {}});
  shard_.must<Expunged>(Expunge{inbox_, uid_set({3}), false});
  shard_.add(kAnn, inbox_);
  const auto changes = shard_.reader()->changes(inbox_, then);
  ASSERT_TRUE(changes);
  std::vector<std::uint32_t> uids;
  for (const MessageInfo& message : changes->changed) uids.push_back(message.uid.value);
  EXPECT_EQ(uids, (std::vector<std::uint32_t>{2, 4, 6}));
  EXPECT_EQ(changes->vanished, uid_set({3}));
  EXPECT_EQ(changes->mailbox.messages, 5u);

  const auto none = shard_.reader()->changes(inbox_, shard_.mailbox(inbox_).highest_modseq);
  EXPECT_TRUE(none->changed.empty());
  EXPECT_TRUE(none->vanished.empty());
  EXPECT_TRUE(shard_.reader()->changes(inbox_, ModSeq{UINT64_MAX})->changed.empty());
}

TEST_F(MailFlags, OfManyChangesOnlyTheFirstAreDescribed) {
  for (std::uint32_t have = 5; have < MailboxChanges::kChangedMax; have *= 2)
    shard_.must<CopiedMessages>(CopyMessages{inbox_, uid_range(1, have), inbox_, false, false});
  const std::uint32_t all = shard_.mailbox(inbox_).messages;
  const auto max = static_cast<std::uint32_t>(MailboxChanges::kChangedMax);
  const auto everything = shard_.reader()->changes(inbox_, ModSeq{1});
  ASSERT_TRUE(everything);
  ASSERT_EQ(everything->changed.size(), max);
  EXPECT_EQ(everything->changed.back().uid, Uid{max});
  EXPECT_EQ(everything->more, uid_range(max + 1, all));

  const ModSeq then = shard_.mailbox(inbox_).highest_modseq;
  store(uid_set({2, max + 3, all}), kAdd, {kSeen, {}});
  const auto few = shard_.reader()->changes(inbox_, then);
  ASSERT_EQ(few->changed.size(), 3U);
  EXPECT_EQ(few->changed.back().uid, Uid{all});
  EXPECT_TRUE(few->more.empty());
}

TEST_F(MailFlags, AMessageThatCameAndWentIsOnlyInVanished) {
  const ModSeq then = shard_.mailbox(inbox_).highest_modseq;
  shard_.add(kAnn, inbox_);
  shard_.must<Expunged>(Expunge{inbox_, uid_set({6}), false});
  const auto changes = shard_.reader()->changes(inbox_, then);
  EXPECT_TRUE(changes->changed.empty());
  EXPECT_EQ(changes->vanished, uid_set({6}));
}

TEST_F(MailFlags, FirstUnseenIsTheLowestUidWithoutSeen) {
  store(uid_set({1, 2}), kAdd, {kSeen, {}});
  EXPECT_EQ(*shard_.reader()->first_unseen(inbox_), Uid{3});
  store(uid_range(1, 5), kAdd, {kSeen, {}});
  EXPECT_EQ(*shard_.reader()->first_unseen(inbox_), Uid{0});
}

TEST_F(MailFlags, MessagesAreReadInOrderUpToALimit) {
  UidSet uids = uid_set({5, 1, 3});
  const auto found = shard_.reader()->messages(inbox_, uids, 2);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].uid, Uid{1});
  EXPECT_EQ((*found)[1].uid, Uid{3});
  EXPECT_TRUE(shard_.reader()->messages(inbox_, uids, 0)->empty());
  EXPECT_EQ(shard_.reader()->messages(inbox_, uid_range(1, 4294967295), 100)->size(), 5u);
}

TEST_F(MailFlags, OneOperationChangesALimitedNumberOfMessages) {
  // As many as are allowed, and one more.
  for (std::size_t have = 5; have <= MailLimits::messages;) {
    const std::size_t more = std::min(have, MailLimits::messages + 1 - have);
    shard_.must<CopiedMessages>(
        CopyMessages{inbox_, uid_range(1, static_cast<std::uint32_t>(more)), inbox_, false, true});
    have += more;
  }
  ASSERT_EQ(shard_.mailbox(inbox_).messages, MailLimits::messages + 1);
  const UidSet all = uid_range(1, 4294967295);
  EXPECT_EQ(shard_.refusal(StoreFlags{inbox_, all, kAdd, {kSeen, {}}, {}}), ErrorCode::kLimit);
  EXPECT_EQ(shard_.refusal(Expunge{inbox_, all, false}), ErrorCode::kLimit);
  EXPECT_EQ(shard_.refusal(CopyMessages{inbox_, all, archive_, true, true}), ErrorCode::kLimit);
  EXPECT_EQ(shard_.mailbox(inbox_).unseen, MailLimits::messages + 1);
  EXPECT_EQ(shard_.mailbox(archive_).messages, 0u);
  // Several commands of an operation count together.
  MailTxn halves;
  halves.commands.push_back(Expunge{inbox_, uid_range(1, 10'001), false});
  halves.commands.push_back(Expunge{inbox_, uid_range(10'002, 20'001), false});
  EXPECT_EQ(shard_.run(halves).error->code, ErrorCode::kLimit);
  const auto first = uid_range(1, MailLimits::messages);
  EXPECT_EQ(store(first, kAdd, {kSeen, {}}).changed, first);
}

}  // namespace
}  // namespace everpost::storage
