// What makes an operation one: atomicity, op_ids, bad records; and the queue.
#include "storage/index/keys.h"
#include "storage/machine/mail/ops.h"
#include "tests/unit/storage/mail_shard.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnn{1};

class MailOperation : public testing::Test {
 protected:
  MailTxn delivery(std::string& body, OpId op) {
    AddMessage add;
    add.targets.push_back({kAnn, MailboxId{0}});
    add.content = MailShard::content("once and only once", body);
    MailTxn txn;
    txn.op = op;
    txn.commands.push_back(add);
    return txn;
  }
  MailShard shard_;
};

TEST_F(MailOperation, RepeatedHasNoSecondEffectAndTheSameOutcome) {  // D13, H40
  std::string body;
  const MailTxn txn = delivery(body, shard_.new_op());
  const MailOutcome first = shard_.run(txn, body);
  const MailOutcome second = shard_.run(txn, body);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(second.repeated);
  EXPECT_EQ(second.lsn, first.lsn);
  EXPECT_NE(shard_.last.lsn, first.lsn);
  EXPECT_TRUE(shard_.last.touched.empty());
  const auto& added = std::get<std::vector<AddedMessage>>(first.results[0]);
  const auto& again = std::get<std::vector<AddedMessage>>(second.results[0]);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].mailbox, added[0].mailbox);
  EXPECT_EQ(again[0].uid, added[0].uid);
  EXPECT_EQ(again[0].uid_validity, added[0].uid_validity);
  EXPECT_EQ(again[0].modseq, added[0].modseq);
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").messages, 1u);
  EXPECT_EQ(shard_.dump(keys::kDeadBodies).size(), 1u);  // the second record's bytes
}

TEST_F(MailOperation, RepeatedWithinAGroupHasNoSecondEffect) {
  std::string body;
  const MailTxn txn = delivery(body, shard_.new_op());
  const Proposed record{RecordType::kTxn, encode(txn), body};
  const auto told = shard_.apply_all({record, record});
  EXPECT_FALSE(told[0].outcome->repeated);
  EXPECT_TRUE(told[1].outcome->repeated);
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").messages, 1u);
}

TEST_F(MailOperation, ARefusalIsRemembered) {
  MailTxn txn;
  txn.op = shard_.new_op();
  txn.commands.push_back(SetQuota{kAnn, 1});
  EXPECT_EQ(shard_.run(txn).error->code, ErrorCode::kNotFound);
  shard_.must<Done>(CreateAccount{kAnn, 0});
  const MailOutcome again = shard_.run(txn);
  EXPECT_EQ(again.error->code, ErrorCode::kNotFound);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(shard_.reader()->account(kAnn)->quota_bytes, 0u);
}

TEST_F(MailOperation, ChunksStagedForARepetitionAreDead) {
  Uuid upload{};
  const Proposed chunk{RecordType::kBodyChunk, encode(BodyChunk{upload, 0}), "chunk"};
  AddMessage add;
  add.targets.push_back({kAnn, MailboxId{0}});
  add.content.upload = upload;
  add.content.chunks = 1;
  add.content.size = 5;
  MailTxn txn;
  txn.op = shard_.new_op();
  txn.commands.push_back(add);
  shard_.apply(chunk);
  EXPECT_FALSE(shard_.run(txn).error);
  shard_.apply(chunk);
  EXPECT_TRUE(shard_.run(txn).repeated);
  EXPECT_TRUE(shard_.dump(keys::kUploads).empty());
}

TEST_F(MailOperation, IsAtomic) {
  shard_.must<Done>(CreateAccount{kAnn, 0});
  const auto before = shard_.dump();
  std::string body;
  MailTxn txn = delivery(body, shard_.new_op());
  txn.commands.push_back(CreateMailbox{kAnn, "a/b", ""});
  txn.commands.push_back(Subscribe{kAnn, "a/b", true});
  txn.commands.push_back(StoreFlags{
      shard_.mailbox(kAnn, "INBOX").id, uid_set({1}), StoreFlags::Mode::kAdd, {kSeen, {"x"}}, {}});
  txn.commands.push_back(DeleteMailbox{kAnn, "none"});
  const MailOutcome outcome = shard_.run(txn, body);
  EXPECT_EQ(outcome.error->code, ErrorCode::kNotFound);
  EXPECT_TRUE(outcome.results.empty());
  EXPECT_TRUE(shard_.last.touched.empty());
  EXPECT_TRUE(shard_.last.accounts.empty());
  auto after = shard_.dump();
  for (const auto* gone : {"Z/applied", "Z/digest"}) after[gone] = before.at(gone);
  std::erase_if(after, [](const auto& pair) {
    return pair.first.starts_with(keys::kOps) || pair.first.starts_with(keys::kDeadBodies);
  });
  auto without_ops = before;
  std::erase_if(without_ops, [](const auto& pair) { return pair.first.starts_with(keys::kOps); });
  EXPECT_EQ(after, without_ops);
}

TEST_F(MailOperation, ResultsOfLaterCommandsSeeTheEarlierOnes) {
  shard_.must<Done>(CreateAccount{kAnn, 0});
  std::string body;
  MailTxn txn = delivery(body, shard_.new_op());
  const MailboxId inbox = shard_.mailbox(kAnn, "INBOX").id;
  txn.commands.push_back(
      StoreFlags{inbox, uid_set({1}), StoreFlags::Mode::kAdd, {kDeleted, {}}, {}});
  txn.commands.push_back(Expunge{inbox, uid_set({1}), true});
  const MailOutcome outcome = shard_.run(txn, body);
  ASSERT_EQ(outcome.results.size(), 3u);
  EXPECT_EQ(std::get<Expunged>(outcome.results[2]).uids, uid_set({1}));
  EXPECT_TRUE(shard_.dump(keys::kBodies).empty());
  EXPECT_EQ(shard_.dump(keys::kDeadBodies).size(), 1u);
}

TEST_F(MailOperation, AMessageCanBeAddedAndCopiedAtOnce) {
  shard_.must<Done>(CreateAccount{kAnn, 0});
  std::string body;
  MailTxn txn = delivery(body, shard_.new_op());
  txn.commands.push_back(CopyMessages{shard_.mailbox(kAnn, "INBOX").id, uid_set({1}),
                                      shard_.mailbox(kAnn, "Archive").id, false, true});
  ASSERT_FALSE(shard_.run(txn, body).error);
  const auto bodies = shard_.dump(keys::kBodies);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(mail::BodyValue::decode(bodies.begin()->second)->references, 2u);
}

TEST_F(MailOperation, OutcomesAreReadBackByTheReader) {
  std::string body;
  const MailTxn txn = delivery(body, shard_.new_op());
  shard_.run(txn, body);
  const auto outcome = shard_.reader()->outcome(txn.op);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(std::get<std::vector<AddedMessage>>(outcome->results[0])[0].uid, Uid{1});
  EXPECT_EQ(shard_.reader()->outcome(shard_.new_op()).error().code, ErrorCode::kNotFound);
}

TEST_F(MailOperation, OlderThanTheFloorIsRefused) {
  const OpId old = shard_.new_op();
  shard_.time.micros += 25 * 3'600'000'000ll;
  shard_.must<Done>(Expire{shard_.hour() - 24, WallTime{0}});
  std::string body;
  EXPECT_EQ(shard_.run(delivery(body, old), body).error->code, ErrorCode::kTimeout);
  EXPECT_EQ(shard_.names(kAnn), std::vector<std::string>{});
  EXPECT_FALSE(shard_.run(delivery(body, shard_.new_op()), body).error);
}

TEST_F(MailOperation, MadeInTheFutureIsRefused) {
  std::string body;
  OpId op = shard_.new_op();
  op.hour += 1;  // the other one's clock may be a little ahead
  EXPECT_FALSE(shard_.run(delivery(body, op), body).error);
  op.hour += 1;
  EXPECT_EQ(shard_.run(delivery(body, op), body).error->code, ErrorCode::kUnavailable);
}

TEST_F(MailOperation, ExpiredOutcomesAreRemovedAndTheFloorOnlyRises) {
  shard_.must<Done>(CreateAccount{kAnn, 0});
  shard_.must<Done>(SetQuota{kAnn, 5});
  EXPECT_EQ(shard_.dump(keys::kOps).size(), 2u);
  shard_.time.micros += 30 * 3'600'000'000ll;
  const std::uint32_t floor = shard_.hour() - 24;
  shard_.must<Done>(Expire{floor, WallTime{0}});
  EXPECT_EQ(shard_.dump(keys::kOps).size(), 1u);  // Expire's own
  shard_.must<Done>(Expire{floor - 10, WallTime{0}});
  OpId op = shard_.new_op();
  op.hour = floor - 1;
  std::string body;
  EXPECT_EQ(shard_.run(delivery(body, op), body).error->code, ErrorCode::kTimeout);
}

TEST_F(MailOperation, NothingExpiresBeforeItsTime) {
  for (const std::uint32_t hour : {shard_.hour() + 1, 0xFFFFFFE8u, 0xFFFFFFFFu})
    EXPECT_EQ(shard_.refusal(Expire{hour, WallTime{0}}), ErrorCode::kInvalidArgument) << hour;
  EXPECT_EQ(shard_.refusal(Expire{0, WallTime{shard_.time.micros + 1'000'000}}),
            ErrorCode::kInvalidArgument);
}

// A record that is damaged in a way that its checksums do not tell: written so by a bug, H48.
TEST_F(MailOperation, BadRecordsHaveNoEffectAndAnError) {
  std::string body;
  const MailTxn txn = delivery(body, shard_.new_op());
  const std::string meta = encode(txn);
  const Proposed cases[] = {
      {RecordType::kTxn, "", ""},
      {RecordType::kTxn, "8 bytes.", "a body"},
      {RecordType::kTxn, meta.substr(0, meta.size() / 2), body},
      {RecordType::kTxn, std::string(4096, '\xFF'), ""},
      {RecordType::kTxn, std::string(4096, '\0'), ""},
  };
  for (const Proposed& record : cases) {
    const auto told = shard_.apply(record);
    ASSERT_TRUE(told.outcome);
    EXPECT_TRUE(told.outcome->error);
    EXPECT_EQ(shard_.dump(keys::kAccounts).size(), 0u);
  }
  EXPECT_FALSE(shard_.run(txn, body).error);
}

TEST_F(MailOperation, TheOpIdOfABadRecordIsTold) {
  MailTxn txn;
  txn.op = {1, 2, 3};
  const auto told = shard_.apply({RecordType::kTxn, encode(txn), ""});  // no command
  EXPECT_EQ(told.op, txn.op);
  EXPECT_EQ(told.outcome->error->code, ErrorCode::kCorrupt);
}

TEST_F(MailOperation, BadChunksAndAbortsDoNoHarm) {
  shard_.apply({RecordType::kBodyChunk, "short", "bytes"});
  shard_.apply({RecordType::kBodyChunk, encode(BodyChunk{{}, UINT32_MAX}), "bytes"});
  shard_.apply({RecordType::kBodyChunk, encode(BodyChunk{{}, 0}), ""});
  shard_.apply({RecordType::kUploadAbort, "", ""});
  shard_.apply({RecordType::kUploadAbort, encode(UploadAbort{}), ""});
  EXPECT_TRUE(shard_.dump(keys::kUploads).empty());
  EXPECT_EQ(shard_.dump(keys::kDeadBodies).size(), 2u);
}

TEST_F(MailOperation, RecordsOfNewerProgramsStopTheReplica) {  // D16
  const auto txn = shard_.index().begin();
  MailMachine machine(*txn);
  RecordHeader header;
  header.type = RecordType::kTxn;
  header.feature_level = 2;
  EXPECT_EQ(machine.apply(header, {}).error().code, ErrorCode::kUnsupported);
  header.feature_level = 1;
  header.type = static_cast<RecordType>(99);
  EXPECT_EQ(machine.apply(header, {}).error().code, ErrorCode::kUnsupported);
  header.flags = kIgnorable;
  EXPECT_TRUE(machine.apply(header, {}));
  header.type = RecordType::kTxn;
  header.flags = kCompressedMeta;
  EXPECT_EQ(machine.apply(header, {}).error().code, ErrorCode::kUnsupported);
}

TEST_F(MailOperation, RecordsWithoutCommandsChangeNothing) {
  const auto before = shard_.index().digest();
  for (const RecordType type :
       {RecordType::kEpochStart, RecordType::kNoop, RecordType::kCheckpointMark})
    EXPECT_FALSE(shard_.apply({type, "whatever", ""}).outcome);
  EXPECT_EQ(shard_.index().digest(), before);
}

// --- the queue

class MailQueue : public MailOperation {
 protected:
  std::uint64_t enqueue(std::size_t recipients) {
    std::string body;
    QueueAdd add;
    add.sender = "ann@example.org";
    add.envelope_id = "QQ314159";
    add.ret = "HDRS";
    add.content = MailShard::content("on its way", body);
    for (std::size_t n = 0; n < recipients; ++n)
      add.recipients.push_back({"r" + std::to_string(n) + "@example.net", AccountId{n + 1},
                                ShardId{2}, "rfc822;x", "NEVER"});
    return shard_.must<QueuedMessage>(add, body).queue_id;
  }
};

TEST_F(MailQueue, AnEntryIsKeptUntilItsLastRecipientIsDone) {
  const std::uint64_t id = enqueue(3);
  EXPECT_TRUE(shard_.last.queue_changed);
  EXPECT_EQ(id, shard_.last.lsn.value);
  shard_.must<Done>(QueueDone{id, {1}});
  auto entries = shard_.reader()->queue(0, 10);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  const QueueEntry& entry = (*entries)[0];
  EXPECT_EQ(entry.queue_id, id);
  EXPECT_EQ(entry.sender, "ann@example.org");
  EXPECT_EQ(entry.envelope_id, "QQ314159");
  EXPECT_EQ(entry.ret, "HDRS");
  EXPECT_EQ(entry.size, 10u);
  EXPECT_EQ(entry.content.size(), 1u);
  EXPECT_EQ(entry.summary.bytes, 7u);
  EXPECT_EQ(entry.done, (std::vector<bool>{false, true, false}));
  EXPECT_EQ(entry.recipients[2].address, "r2@example.net");
  EXPECT_EQ(entry.recipients[2].account, AccountId{3});
  EXPECT_EQ(entry.recipients[2].original, "rfc822;x");
  EXPECT_EQ(entry.recipients[2].notify, "NEVER");

  shard_.must<Done>(QueueDone{id, {1}});  // again: nothing happens
  EXPECT_FALSE(shard_.last.queue_changed);
  shard_.must<Done>(QueueDone{id, {0, 2}});
  EXPECT_TRUE(shard_.last.queue_changed);
  EXPECT_TRUE(shard_.reader()->queue(0, 10)->empty());
  for (const char* prefix : {"O/", "OR/", "B/"}) EXPECT_TRUE(shard_.dump(prefix).empty()) << prefix;
  EXPECT_EQ(shard_.dump("X/").size(), 1u);
  EXPECT_EQ(shard_.refusal(QueueDone{id, {0}}), ErrorCode::kNotFound);
}

TEST_F(MailQueue, IsReadInPages) {
  const std::uint64_t first = enqueue(1), second = enqueue(1), third = enqueue(1);
  const auto page = shard_.reader()->queue(first + 1, 1);
  ASSERT_EQ(page->size(), 1u);
  EXPECT_EQ((*page)[0].queue_id, second);
  EXPECT_EQ((*shard_.reader()->queue(second + 1, 10))[0].queue_id, third);
  EXPECT_TRUE(shard_.reader()->queue(0, 0)->empty());
}

TEST_F(MailQueue, RecipientsThatDoNotExistAreRefused) {
  const std::uint64_t id = enqueue(2);
  EXPECT_EQ(shard_.refusal(QueueDone{id, {0, 2}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ((*shard_.reader()->queue(0, 1))[0].done, (std::vector<bool>{false, false}));
  QueueAdd nobody;
  EXPECT_EQ(shard_.refusal(nobody), ErrorCode::kInvalidArgument);
}

// --- outcomes as they are kept

TEST(MailOutcomeValue, IsWhatItWas) {
  MailOutcome outcome;
  outcome.lsn = Lsn{4096};
  AddedMessage refused;
  refused.error = Error{ErrorCode::kOverQuota, "full"};
  StoredFlags stored{uid_set({1, 2, 3, 9}), uid_set({4294967295}), ModSeq{8}};
  CopiedMessages copied{
      UidValidity{5}, {Uid{2}, Uid{3}, Uid{7}}, {Uid{11}, Uid{12}, Uid{13}}, ModSeq{3}};
  outcome.results = {Done{},
                     std::vector<AddedMessage>{
                         {std::nullopt, MailboxId{1}, UidValidity{2}, Uid{3}, ModSeq{4}}, refused},
                     stored,
                     Expunged{uid_range(5, 4294967295), ModSeq{6}},
                     copied,
                     CopiedMessages{},
                     CreatedMailbox{MailboxId{7}, UidValidity{8}},
                     ClaimedRecent{Uid{9}},
                     QueuedMessage{640}};
  const std::string value = mail::encode_outcome(outcome);
  const auto back = mail::decode_outcome(value);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->repeated);
  EXPECT_EQ(back->lsn, outcome.lsn);
  ASSERT_EQ(back->results.size(), outcome.results.size());
  const auto& added = std::get<std::vector<AddedMessage>>(back->results[1]);
  EXPECT_EQ(added[0].uid, Uid{3});
  EXPECT_EQ(added[1].error->code, ErrorCode::kOverQuota);
  EXPECT_EQ(std::get<StoredFlags>(back->results[2]).changed, stored.changed);
  EXPECT_EQ(std::get<StoredFlags>(back->results[2]).modified, stored.modified);
  EXPECT_EQ(std::get<Expunged>(back->results[3]).uids, uid_range(5, 4294967295));
  EXPECT_EQ(std::get<CopiedMessages>(back->results[4]).from, copied.from);
  EXPECT_EQ(std::get<CopiedMessages>(back->results[4]).to, copied.to);
  EXPECT_TRUE(std::get<CopiedMessages>(back->results[5]).to.empty());
  EXPECT_EQ(std::get<CreatedMailbox>(back->results[6]).uid_validity, UidValidity{8});
  EXPECT_EQ(std::get<QueuedMessage>(back->results[8]).queue_id, 640u);

  for (std::size_t bytes = 0; bytes < value.size(); ++bytes)
    EXPECT_FALSE(mail::decode_outcome(value.substr(0, bytes)));
  std::string newer = value;
  newer[0] = 2;
  EXPECT_EQ(mail::decode_outcome(newer).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace everpost::storage
