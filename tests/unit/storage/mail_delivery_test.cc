// Messages coming in: AddMessage, staged uploads, quota, bodies and who refers to them.
#include "storage/index/keys.h"
#include "storage/machine/mail/values.h"
#include "tests/unit/storage/mail_shard.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnn{1}, kBob{2};
constexpr MailboxId kInboxOf{0};

class MailDelivery : public testing::Test {
 protected:
  std::size_t count(std::string_view prefix) { return shard_.dump(prefix).size(); }
  // Stages `text` as chunk n of an upload; returns where it is.
  Extent stage(const Uuid& upload, std::uint32_t n, std::string text) {
    const Proposed record{RecordType::kBodyChunk, encode(BodyChunk{upload, n}), text};
    const auto told = shard_.apply(record);
    RecordHeader header;
    header.lsn = told.lsn;
    header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
    return {header.body_at(), static_cast<std::uint32_t>(text.size()), crc32c(as_bytes(text))};
  }
  static Uuid upload(std::uint8_t n) {
    Uuid id{};
    id[0] = std::byte{n};
    return id;
  }
  static AddMessage staged_message(const Uuid& id, std::uint32_t chunks, std::uint64_t size) {
    AddMessage add;
    add.targets.push_back({kAnn, kInboxOf});
    add.content.upload = id;
    add.content.chunks = chunks;
    add.content.size = size;
    return add;
  }

  MailShard shard_;
};

TEST_F(MailDelivery, TheFirstMessageMakesTheAccount) {
  const AddedMessage added = shard_.add(kAnn, kInboxOf);
  EXPECT_EQ(added.uid, Uid{1});
  EXPECT_EQ(shard_.names(kAnn),
            (std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"}));
  const MailboxInfo inbox = shard_.mailbox(kAnn, "INBOX");
  EXPECT_EQ(inbox.id, added.mailbox);
  EXPECT_EQ(inbox.uid_validity, added.uid_validity);
  EXPECT_EQ(inbox.messages, 1u);
  EXPECT_EQ(inbox.unseen, 1u);
  EXPECT_EQ(inbox.highest_modseq, added.modseq);
  EXPECT_EQ(shard_.last.touched.back(), added.mailbox);
  EXPECT_FALSE(shard_.last.accounts.empty());
}

TEST_F(MailDelivery, UidsCountUpFrom1) {
  for (std::uint32_t n = 1; n <= 3; ++n) EXPECT_EQ(shard_.add(kAnn, kInboxOf).uid, Uid{n});
}

TEST_F(MailDelivery, ContentAndSummaryAreWhereTheRecordHasThem) {
  std::string body;
  AddMessage add;
  add.targets.push_back({kAnn, kInboxOf});
  add.content = MailShard::content("From: a\r\n\r\nhello", body);
  MailTxn txn;
  txn.op = shard_.new_op();
  txn.commands.push_back(add);
  const Proposed record{RecordType::kTxn, encode(txn), body};
  const RecordHeader header = [&] {
    RecordHeader h;
    h.lsn = shard_.index().applied();
    h.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
    return h;
  }();
  const auto told = shard_.apply(record);
  ASSERT_FALSE(told.outcome->error);
  const MessageInfo message = shard_.message(shard_.mailbox(kAnn, "INBOX").id, 1);
  EXPECT_EQ(message.content, (std::vector<Extent>{{header.body_at(), 16, add.content.own_crc}}));
  EXPECT_EQ(message.summary, (Extent{header.body_at() + 16, 7, add.content.summary_crc}));
  EXPECT_EQ(message.size, 16u);
  EXPECT_EQ(message.guid, add.content.guid);
}

TEST_F(MailDelivery, TheInternalDateIsTheRecordsTimeUnlessGiven) {
  shard_.time = {1'900'000'000'000'000};
  shard_.add(kAnn, kInboxOf);
  const MailboxId inbox = shard_.mailbox(kAnn, "INBOX").id;
  EXPECT_EQ(shard_.message(inbox, 1).internal_date, WallTime{1'900'000'000'000'000});
  EXPECT_EQ(shard_.message(inbox, 1).save_date, WallTime{1'900'000'000'000'000});
  std::string body;
  AddMessage add;
  add.targets.push_back({kAnn, inbox});
  add.content = MailShard::content("x", body);
  add.internal_date = {77};
  shard_.must<std::vector<AddedMessage>>(add, body);
  EXPECT_EQ(shard_.message(inbox, 2).internal_date, WallTime{77});
}

TEST_F(MailDelivery, ManyTargetsShareOneBody) {
  std::string body;
  AddMessage add;
  for (const AccountId account : {kAnn, kBob, kAnn}) add.targets.push_back({account, kInboxOf});
  add.content = MailShard::content("to you all", body);
  const auto added = shard_.must<std::vector<AddedMessage>>(add, body);
  ASSERT_EQ(added.size(), 3u);
  EXPECT_EQ(added[0].uid, Uid{1});
  EXPECT_EQ(added[1].uid, Uid{1});
  EXPECT_EQ(added[2].uid, Uid{2});
  EXPECT_LT(added[0].modseq, added[2].modseq);
  const auto bodies = shard_.dump(keys::kBodies);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(mail::BodyValue::decode(bodies.begin()->second)->references, 3u);
}

TEST_F(MailDelivery, ATargetThatIsRefusedDoesNotHinderTheOthers) {
  shard_.must<Done>(CreateAccount{kAnn, 10});
  shard_.must<Done>(CreateAccount{kBob, 0});
  std::string body;
  AddMessage add;
  add.targets = {{kAnn, kInboxOf}, {kBob, kInboxOf}, {kBob, MailboxId{999}}};
  add.content = MailShard::content("more than ten bytes", body);
  add.enforce_quota = true;
  const auto added = shard_.must<std::vector<AddedMessage>>(add, body);
  ASSERT_EQ(added.size(), 3u);
  EXPECT_EQ(added[0].error->code, ErrorCode::kOverQuota);
  EXPECT_FALSE(added[1].error);
  EXPECT_EQ(added[2].error->code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").messages, 0u);
  EXPECT_EQ(shard_.mailbox(kBob, "INBOX").messages, 1u);
}

TEST_F(MailDelivery, WithoutEnforcementQuotaIsOnlyCounted) {
  shard_.must<Done>(CreateAccount{kAnn, 5});
  shard_.add(kAnn, kInboxOf, "more than five bytes");
  EXPECT_EQ(shard_.reader()->account(kAnn)->used_bytes, 20u);
}

TEST_F(MailDelivery, AQuotaMayBeFilledToTheLastByte) {
  shard_.must<Done>(CreateAccount{kAnn, 20});
  std::string body;
  AddMessage add;
  add.targets = {{kAnn, kInboxOf}};
  add.content = MailShard::content("0123456789", body);
  add.enforce_quota = true;
  for (const bool fits : {true, true, false})
    EXPECT_EQ(!shard_.must<std::vector<AddedMessage>>(add, body)[0].error, fits);
}

TEST_F(MailDelivery, AMessageForNobodyIsADeadBody) {
  shard_.must<Done>(DeleteAccount{kAnn});
  std::string body;
  AddMessage add;
  add.targets = {{kAnn, kInboxOf}};
  add.content = MailShard::content("too late", body);
  const auto added = shard_.must<std::vector<AddedMessage>>(add, body);
  EXPECT_EQ(added[0].error->code, ErrorCode::kNotFound);
  EXPECT_EQ(count(keys::kBodies), 0u);
  ASSERT_EQ(count(keys::kDeadBodies), 1u);
  const auto dead = mail::BodyValue::decode(shard_.dump(keys::kDeadBodies).begin()->second);
  EXPECT_EQ(dead->content[0].bytes + dead->summary.bytes, body.size());
}

TEST_F(MailDelivery, ContentThatDoesNotFitItsRecordIsRefused) {
  struct Case {
    const char* name;
    std::function<void(NewContent&)> change;
  };
  const Case cases[] = {
      {"fewer bytes than the record has", [](NewContent& c) { c.own_bytes -= 1; }},
      {"more bytes than the record has", [](NewContent& c) { c.own_bytes += 1; }},
      {"another checksum of the message", [](NewContent& c) { c.own_crc ^= 1; }},
      {"another checksum of the summary", [](NewContent& c) { c.summary_crc ^= 1; }},
      {"another size", [](NewContent& c) { c.size += 1; }},
      {"no size", [](NewContent& c) { c.size = 0; }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string body;
    AddMessage add;
    add.targets = {{kAnn, kInboxOf}};
    add.content = MailShard::content("a message", body);
    c.change(add.content);
    const MailOutcome outcome = shard_.run(add, body);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(count(keys::kMailboxes), 0u);  // not even the account was made
  }
}

TEST_F(MailDelivery, AnEmptyMessageIsRefused) {
  AddMessage add;
  add.targets = {{kAnn, kInboxOf}};
  EXPECT_EQ(shard_.refusal(add), ErrorCode::kInvalidArgument);
}

TEST_F(MailDelivery, StagedChunksBecomeTheMessagesBeginning) {
  const Extent first = stage(upload(1), 0, "first ");
  const Extent second = stage(upload(1), 1, "second ");
  EXPECT_EQ(count(keys::kUploads), 2u);
  std::string body;
  AddMessage add = staged_message(upload(1), 2, 6 + 7 + 5);
  NewContent own = MailShard::content("third", body);
  own.upload = upload(1);
  own.chunks = 2;
  own.size = add.content.size;
  add.content = own;
  const auto added = shard_.must<std::vector<AddedMessage>>(add, body);
  const MessageInfo message = shard_.message(added[0].mailbox, 1);
  ASSERT_EQ(message.content.size(), 3u);
  EXPECT_EQ(message.content[0], first);
  EXPECT_EQ(message.content[1], second);
  EXPECT_EQ(message.content[2].bytes, 5u);
  EXPECT_EQ(count(keys::kUploads), 0u);
}

TEST_F(MailDelivery, AMessageOfManyChunksIsReadBackWhole) {
  std::vector<Extent> extents;
  for (std::uint32_t n = 0; n < 20; ++n) extents.push_back(stage(upload(1), n, "chunk"));
  const auto added = shard_.must<std::vector<AddedMessage>>(staged_message(upload(1), 20, 100));
  EXPECT_EQ(shard_.message(added[0].mailbox, 1).content, extents);
}

TEST_F(MailDelivery, AMissingChunkRefusesTheMessageAndKeepsTheOthersStaged) {
  stage(upload(1), 0, "first");
  stage(upload(1), 2, "third");
  EXPECT_EQ(shard_.refusal(staged_message(upload(1), 3, 15)), ErrorCode::kNotFound);
  EXPECT_EQ(count(keys::kUploads), 2u);
  stage(upload(1), 1, "secnd");
  EXPECT_FALSE(shard_.run(staged_message(upload(1), 3, 15)).error);
}

TEST_F(MailDelivery, AChunkStagedAgainTakesThePlaceOfTheOneBefore) {
  const Extent before = stage(upload(1), 0, "first");
  const Extent after = stage(upload(1), 0, "again");
  const auto added = shard_.must<std::vector<AddedMessage>>(staged_message(upload(1), 1, 5));
  EXPECT_EQ(shard_.message(added[0].mailbox, 1).content, std::vector<Extent>{after});
  ASSERT_EQ(count(keys::kDeadBodies), 1u);
  EXPECT_EQ(mail::BodyValue::decode(shard_.dump(keys::kDeadBodies).begin()->second)->content[0],
            before);
}

TEST_F(MailDelivery, AnAbortedUploadIsDead) {
  stage(upload(1), 0, "first");
  stage(upload(1), 1, "second");
  stage(upload(2), 0, "another's");
  shard_.apply({RecordType::kUploadAbort, encode(UploadAbort{upload(1)}), ""});
  EXPECT_EQ(count(keys::kUploads), 1u);
  EXPECT_EQ(count(keys::kDeadBodies), 2u);
}

TEST_F(MailDelivery, UploadsOfLongAgoExpire) {
  stage(upload(1), 0, "old");
  const WallTime between = shard_.time;
  stage(upload(2), 0, "new");
  shard_.must<Done>(Expire{0, between});
  ASSERT_EQ(count(keys::kUploads), 1u);
  EXPECT_EQ(shard_.dump(keys::kUploads).begin()->first, keys::chunk(upload(2), 0).view());
}

TEST_F(MailDelivery, AnUploadLivesAsLongAsItsNewestChunkIsYoung) {
  stage(upload(1), 0, "done!");
  stage(upload(2), 0, "first");
  const WallTime between = shard_.time;
  stage(upload(2), 1, "secnd");
  stage(upload(3), 0, "third");
  shard_.must<Done>(Expire{0, between});
  EXPECT_EQ(count(keys::kUploads), 3u);
  EXPECT_EQ(count(keys::kDeadBodies), 1u);
  EXPECT_FALSE(shard_.run(staged_message(upload(2), 2, 10)).error);
}

TEST_F(MailDelivery, ABodyLivesAsLongAsItsLastMessage) {
  const AddedMessage first = shard_.add(kAnn, kInboxOf);
  const MailboxId archive = shard_.mailbox(kAnn, "Archive").id;
  shard_.must<CopiedMessages>(CopyMessages{first.mailbox, uid_set({1}), archive, false, true});
  shard_.must<Expunged>(Expunge{first.mailbox, uid_set({1}), false});
  EXPECT_EQ(count(keys::kBodies), 1u);
  EXPECT_EQ(count(keys::kDeadBodies), 0u);
  const auto gone = shard_.must<Expunged>(Expunge{archive, uid_set({1}), false});
  EXPECT_EQ(gone.uids, uid_set({1}));
  EXPECT_EQ(count(keys::kBodies), 0u);
  EXPECT_EQ(count(keys::kDeadBodies), 1u);
}

TEST_F(MailDelivery, AMessageAndAQueueEntryOfOneOperationShareTheBody) {
  std::string body;
  AddMessage add;
  add.targets = {{kAnn, kInboxOf}};
  add.content = MailShard::content("for here and there", body);
  QueueAdd queue;
  queue.content = add.content;
  queue.recipients.push_back({"bob@there", kBob, ShardId{2}, "", ""});
  MailTxn txn;
  txn.commands = {add, queue};
  const MailOutcome outcome = shard_.run(txn, body);
  ASSERT_FALSE(outcome.error);
  const auto bodies = shard_.dump(keys::kBodies);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(mail::BodyValue::decode(bodies.begin()->second)->references, 2u);
}

TEST_F(MailDelivery, TwoMessagesInOneOperationAreRefused) {
  std::string body, other;
  AddMessage one, two;
  one.targets = two.targets = {{kAnn, kInboxOf}};
  one.content = MailShard::content("one", body);
  two.content = MailShard::content("two", other);
  MailTxn txn;
  txn.commands = {one, two};
  EXPECT_EQ(shard_.run(txn, body).error->code, ErrorCode::kInvalidArgument);
}

TEST_F(MailDelivery, ABodyThatNoCommandRefersToIsDead) {
  MailTxn txn;
  txn.commands.push_back(CreateAccount{kAnn, 0});
  ASSERT_FALSE(shard_.run(txn, "stray bytes").error);
  EXPECT_EQ(count(keys::kDeadBodies), 1u);
}

TEST_F(MailDelivery, EveryKindOfFlagIsStored) {
  const AddedMessage added =
      shard_.add(kAnn, kInboxOf, "x", {kSeen | kDeleted, {"$Forwarded", "work"}});
  const MessageInfo message = shard_.message(added.mailbox, 1);
  EXPECT_EQ(message.flags.system, kSeen | kDeleted);
  EXPECT_EQ(message.flags.keywords, (std::vector<std::string>{"$Forwarded", "work"}));
  const MailboxInfo inbox = shard_.mailbox(added.mailbox);
  EXPECT_EQ(inbox.unseen, 0u);
  EXPECT_EQ(inbox.deleted, 1u);
  EXPECT_EQ(inbox.keywords, (std::vector<std::string>{"$Forwarded", "work"}));
}

TEST_F(MailDelivery, AMailboxOfAnotherAccountIsNotFound) {
  shard_.must<Done>(CreateAccount{kAnn, 0});
  shard_.must<Done>(CreateAccount{kBob, 0});
  std::string body;
  AddMessage add;
  add.targets = {{kAnn, shard_.mailbox(kBob, "Sent").id}};
  add.content = MailShard::content("x", body);
  EXPECT_EQ(shard_.must<std::vector<AddedMessage>>(add, body)[0].error->code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace everpost::storage
