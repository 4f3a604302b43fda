// A whole node over files in memory: what was answered survives crashes, exactly once.
#include "cluster/node.h"

#include <gtest/gtest.h>
#include <thread>

#include "base/crc32c.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"
#include "tests/unit/cluster/test_clock.h"

namespace everpost::cluster {
namespace {

using storage::AddMessage;
using storage::MailTxn;

class NodeTest : public testing::Test {
 protected:
  NodeOptions options() {
    NodeOptions options;
    options.env = &env_;
    options.clock = &clock_;
    options.stop_limit = std::chrono::milliseconds{300};
    options.data_folder = "data";
    options.mail_shards = 2;
    options.segment_bytes = 8 << 20;
    options.index_cache_bytes = 1 << 20;
    options.failed = [this](ShardId, const Error& error) {
      if (error.code == ErrorCode::kTimeout) overdue_ = true;
      failed_ = true;
    };
    return options;
  }
  void open() {
    auto node = Node::open(options());
    ASSERT_TRUE(node) << to_string(node.error());
    node_ = *std::move(node);
  }
  void SetUp() override {
    ASSERT_TRUE(env_.make_folder("data"));
    open();
  }
  MailStore& mail() { return node_->mail(); }

  // A message whose content is `text`, for these accounts' INBOXes.
  Result<storage::MailOutcome> deliver(ShardId shard, std::vector<AccountId> accounts,
                                       const std::string& text, OpId op) {
    MailTxn txn;
    txn.op = op;
    AddMessage add;
    for (const AccountId account : accounts) add.targets.push_back({account, MailboxId{0}});
    add.content = content_of(text);
    txn.commands.push_back(add);
    return await(mail().submit(shard, txn, {share(text)}));
  }
  static storage::NewContent content_of(const std::string& text) {
    storage::NewContent content;
    content.own_bytes = static_cast<std::uint32_t>(text.size());
    content.own_crc = crc32c(as_bytes(text));
    content.size = text.size();
    return content;
  }
  // The texts in the account's INBOX.
  std::vector<std::string> inbox(ShardId shard, AccountId account) {
    const auto box = await(mail().find_mailbox(shard, account, "INBOX"));
    if (!box) return {};
    storage::UidSet all;
    all.add(Uid{1}, Uid{UINT32_MAX});
    const auto messages = await(mail().messages(shard, box->id, all, 1000));
    std::vector<std::string> texts;
    for (const auto& message : *messages) {
      auto text = await(mail().read(shard, {ByteRange{message.content}}));
      texts.push_back(text ? text->at(0) : to_string(text.error()));
    }
    return texts;
  }

  storage::MemoryEnv env_{1};
  TestClock clock_;
  std::unique_ptr<Node> node_;
  std::atomic<bool> failed_{false}, overdue_{false};
};

constexpr ShardId kOne{1}, kTwo{2};
constexpr AccountId kAnn{1}, kBob{2};

TEST_F(NodeTest, WhatWasDeliveredIsThereAfterACleanStop) {
  ASSERT_TRUE(deliver(kOne, {kAnn, kBob}, "hello", mail().new_op()));
  ASSERT_TRUE(node_->stop());
  node_.reset();
  open();
  EXPECT_EQ(inbox(kOne, kAnn), std::vector<std::string>{"hello"});
  EXPECT_EQ(inbox(kOne, kBob), std::vector<std::string>{"hello"});
}

TEST_F(NodeTest, EveryStartIsANewEpoch) {
  const Epoch before = node_->status()[1].epoch;
  ASSERT_TRUE(node_->stop());
  node_.reset();
  open();
  EXPECT_EQ(node_->status()[1].epoch.value, before.value + 1);
}

TEST_F(NodeTest, ARepeatedOperationHasNoSecondEffect) {
  const OpId op = mail().new_op();
  const auto first = deliver(kOne, {kAnn}, "once", op);
  const auto second = deliver(kOne, {kAnn}, "once", op);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->repeated);
  EXPECT_TRUE(second->repeated);
  ASSERT_TRUE(node_->stop());
  node_.reset();
  open();
  const auto third = deliver(kOne, {kAnn}, "once", op);
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->repeated);
  EXPECT_EQ(inbox(kOne, kAnn).size(), 1u);
}

TEST_F(NodeTest, AMessageForSeveralShardsReachesEachOnce) {
  for (const std::size_t size : {100, 700'000}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
    MailTxn txn;
    txn.op = mail().new_op();
    storage::NewContent content = content_of(text);
    std::vector<SharedBytes> body{share(text)};
    if (size > MailStore::kChunkBytes) {
      content = {};
      content.upload = Uuid{std::byte{7}};
      content.size = size;
      for (std::size_t at = 0; at < size; at += MailStore::kChunkBytes)
        ASSERT_TRUE(await(mail().stage(kOne, *content.upload, content.chunks++,
                                       share(text.substr(at, MailStore::kChunkBytes)))));
      body.clear();
    }
    AddMessage add;
    add.targets.push_back({kAnn, MailboxId{0}});
    add.content = content;
    storage::QueueAdd queue;
    queue.sender = "a@example.net";
    queue.content = content;
    queue.recipients.push_back({"bob@example.test", kBob, kTwo, "", ""});
    txn.commands.push_back(add);
    txn.commands.push_back(queue);
    const auto outcome = await(mail().submit(kOne, txn, body));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    ASSERT_FALSE(outcome->error) << to_string(*outcome->error);
    const std::size_t want = size == 100 ? 1 : 2;
    EXPECT_EQ(inbox(kOne, kAnn).size(), want);
    for (int i = 0; i < 500 && inbox(kTwo, kBob).size() < want; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    ASSERT_EQ(inbox(kTwo, kBob).size(), want);
    EXPECT_EQ(inbox(kTwo, kBob).back(), text);
    for (int i = 0; i < 500 && !await(mail().queue(kOne, 0, 10))->empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    EXPECT_TRUE(await(mail().queue(kOne, 0, 10))->empty());
  }
}

TEST_F(NodeTest, AWatchHearsOfADelivery) {
  ASSERT_TRUE(deliver(kOne, {kAnn}, "first", mail().new_op()));
  const auto box = await(mail().find_mailbox(kOne, kAnn, "INBOX"));
  ASSERT_TRUE(box);
  std::atomic<int> heard{0};
  const auto watch = mail().watch_mailbox(kOne, box->id, [&] { ++heard; });
  ASSERT_TRUE(deliver(kOne, {kAnn}, "second", mail().new_op()));
  EXPECT_EQ(heard, 1);  // told before the delivery was answered
  const auto changes = await(mail().changes(kOne, box->id, box->highest_modseq));
  ASSERT_TRUE(changes);
  EXPECT_EQ(changes->changed.size(), 1u);
}

TEST_F(NodeTest, AFailedSyncStopsTheShardAndAnswersWithAnError) {
  env_.fail_next_sync(storage::MemoryEnv::SyncFault::kKeeps);
  const auto outcome = deliver(kOne, {kAnn}, "lost", mail().new_op());
  EXPECT_FALSE(outcome);
  for (int i = 0; i < 500 && !failed_; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_TRUE(failed_);
  EXPECT_FALSE(deliver(kOne, {kAnn}, "refused", mail().new_op()));
}

TEST_F(NodeTest, AWipedCopyIsNotTakenForTheOneTheCoordinatorKnows) {
  ASSERT_TRUE(deliver(kOne, {kAnn}, "hello", mail().new_op()));
  ASSERT_TRUE(node_->stop());
  node_.reset();
  ASSERT_TRUE(env_.rename("data/shard-0001", "data/away"));
  const auto node = Node::open(options());
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, ErrorCode::kFenced);
  EXPECT_NE(node.error().context.find("shard 1"), std::string::npos);
}

// Waits until the node has noticed.
bool becomes_low(const Node& node, bool low) {
  for (int i = 0; i < 500 && node.space().low != low; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  return node.space().low == low;
}

TEST_F(NodeTest, ANearlyFullDiskTakesNoNewMailButItsFlagsAndDeletions) {
  ASSERT_TRUE(deliver(kOne, {kAnn}, "first", mail().new_op()));
  const auto box = await(mail().find_mailbox(kOne, kAnn, "INBOX"));
  ASSERT_TRUE(box);
  const auto space = *env_.space("data");
  env_.set_space(space.total_bytes - space.free_bytes + (4 << 20));  // half a segment
  ASSERT_TRUE(becomes_low(*node_, true));

  EXPECT_EQ(deliver(kOne, {kAnn}, "second", mail().new_op()).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(await(mail().stage(kOne, Uuid{std::byte{7}}, 0, share("chunk"))).error().code,
            ErrorCode::kNoSpace);
  storage::UidSet all;
  all.add(Uid{1}, Uid{1});
  MailTxn remove;
  remove.op = mail().new_op();
  remove.commands.push_back(storage::StoreFlags{
      box->id, all, storage::StoreFlags::Mode::kAdd, {storage::kDeleted, {}}, {}});
  remove.commands.push_back(storage::Expunge{box->id, all});
  const auto removed = await(mail().submit(kOne, remove));
  ASSERT_TRUE(removed) << to_string(removed.error());
  EXPECT_FALSE(removed->error);
  EXPECT_TRUE(inbox(kOne, kAnn).empty());
  EXPECT_EQ(node_->space().refused, 2u);
  EXPECT_FALSE(failed_);

  env_.set_space(space.total_bytes);
  ASSERT_TRUE(becomes_low(*node_, false));
  EXPECT_TRUE(deliver(kOne, {kAnn}, "third", mail().new_op()));
}

TEST_F(NodeTest, AShardWhoseCoordinatorFileIsLostIsNotPassedOver) {
  ASSERT_TRUE(node_->stop());
  node_.reset();
  ASSERT_TRUE(env_.rename("data/coordinator/shard-0002", "data/away"));
  const auto node = Node::open(options());
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(node.error().context.find("data/coordinator/shard-0002 is missing"), std::string::npos);
  ASSERT_TRUE(env_.rename("data/away", "data/coordinator/shard-0002"));
  open();
}

// A day and more ahead for so long that operations expired by it, then set right.
TEST_F(NodeTest, AClockThatWasAheadAndIsSetBackStopsNobody) {
  clock_.jump(std::chrono::hours{50});
  ASSERT_TRUE(node_->stop());
  node_.reset();
  open();
  for (const ShardId shard : {kOne, kTwo}) {
    MailTxn expire;
    expire.op = mail().new_op();
    expire.commands.push_back(storage::Expire{expire.op.hour - 24, WallTime{0}});
    const auto expired = await(mail().submit(shard, expire));
    ASSERT_TRUE(expired && !expired->error);
    if (shard == kOne) clock_.jump(std::chrono::hours{-50});
  }
  for (int starts = 0; starts < 2; ++starts) {
    for (const ShardId shard : {kOne, kTwo}) {
      const auto outcome = deliver(shard, {kAnn}, "in time", mail().new_op());
      ASSERT_TRUE(outcome) << to_string(outcome.error());
      EXPECT_FALSE(outcome->error) << to_string(*outcome->error);
    }
    ASSERT_TRUE(node_->stop());
    node_.reset();
    open();
  }
}

TEST_F(NodeTest, StoppingIsGivenUpWhenTheDiskHangs) {
  std::mutex disk;
  std::unique_lock hangs(disk);
  env_.set_hook([&](const storage::MemoryEnv::Operation& operation) -> std::optional<Error> {
    if (operation.kind == storage::MemoryEnv::Operation::Kind::kSync)
      const std::scoped_lock waits(disk);
    return std::nullopt;
  });
  std::thread stopping([this] { (void)node_->stop(); });
  for (int i = 0; i < 500 && !overdue_; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_TRUE(overdue_);
  hangs.unlock();
  stopping.join();
  env_.set_hook({});
}

TEST_F(NodeTest, UnknownShardsAreNotFound) {
  EXPECT_EQ(await(mail().account(ShardId{99}, kAnn)).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace everpost::cluster
