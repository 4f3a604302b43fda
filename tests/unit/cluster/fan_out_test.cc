// The queue's way to other shards, when these do not take it at once.
#include "cluster/router/fan_out.h"

#include <gtest/gtest.h>
#include <thread>

#include "base/crc32c.h"
#include "cluster/coordinator/embedded.h"
#include "cluster/router/local_mail_store.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"
#include "tests/unit/cluster/faulty_mail.h"

namespace everpost::cluster {
namespace {

constexpr ShardId kHome{1}, kTwo{2}, kThree{3};
constexpr AccountId kBob{2}, kCid{3};

class FanOut : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(env_.make_folder("data"));
    coordinator_ = *EmbeddedCoordinator::open(env_, "data/coordinator");
    std::map<ShardId, Shard*> shards;
    for (const ShardId id : {kHome, kTwo, kThree}) {
      ASSERT_TRUE(coordinator_->create(id, {}));
      Shard::Options options;
      options.env = &env_;
      options.coordinator = coordinator_.get();
      options.time = &time_;
      options.waiting_bytes = &waiting_bytes_;
      options.node = NodeId{1};
      options.replica.folder = "data/shard-" + to_string(id);
      options.replica.cluster = coordinator_->cluster();
      options.replica.shard = id;
      options.replica.kind = storage::ShardKind::kMail;
      options.replica.segment_bytes = 8 << 20;
      options.replica.index_cache_bytes = 1 << 20;
      storage::ReplicaRecovery recovery;
      auto shard = Shard::open(options, recovery);
      ASSERT_TRUE(shard) << to_string(shard.error());
      shards.emplace(id, shard->get());
      shards_.push_back(*std::move(shard));
    }
    mail_ = std::make_unique<LocalMailStore>(NodeId{1}, shards, time_, space_, readers_);
    faulty_ = std::make_unique<FaultyMail>(*mail_);
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    stopping_ = true;
    asio::post(context_, [this] { shards_[0]->watchers().notify({}, {}, true); });
    thread_.join();
  }
  void start() {
    constexpr RetrySchedule::Delays kSoon{std::chrono::milliseconds{5},
                                          std::chrono::milliseconds{20}};
    asio::co_spawn(context_, fan_out(*faulty_, *shards_[0], stopping_, kSoon), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }

  // Queues a message for Bob in shard 2 and Cid in shard 3.
  void enqueue(const std::string& text) {
    storage::QueueAdd queue;
    queue.content.size = text.size();
    std::vector<SharedBytes> body;
    if (text.size() > MailStore::kChunkBytes) {
      queue.content.upload = Uuid{std::byte{7}};
      for (std::size_t at = 0; at < text.size(); at += MailStore::kChunkBytes)
        ASSERT_TRUE(await(mail_->stage(kHome, *queue.content.upload, queue.content.chunks++,
                                       share(text.substr(at, MailStore::kChunkBytes)))));
    } else {
      queue.content.own_bytes = static_cast<std::uint32_t>(text.size());
      queue.content.own_crc = crc32c(as_bytes(text));
      body.push_back(share(text));
    }
    queue.recipients.push_back({"bob@example.test", kBob, kTwo, "", ""});
    queue.recipients.push_back({"cid@example.test", kCid, kThree, "", ""});
    storage::MailTxn txn;
    txn.op = mail_->new_op();
    txn.commands.push_back(queue);
    const auto outcome = await(mail_->submit(kHome, txn, body));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    ASSERT_FALSE(outcome->error) << to_string(*outcome->error);
  }
  std::size_t inbox(ShardId shard, AccountId account) {
    const auto box = await(mail_->find_mailbox(shard, account, "INBOX"));
    return box ? box->messages : 0;
  }
  std::size_t queued() { return await(mail_->queue(kHome, 0, 10))->size(); }
  // Within five seconds.
  template <class Condition>
  bool soon(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return condition();
  }
  static bool is_delivery(const storage::MailTxn& txn) {
    return std::holds_alternative<storage::AddMessage>(txn.commands[0]);
  }

  storage::MemoryEnv env_{1};
  LogTime time_;
  WaitingBytes waiting_bytes_;
  DiskSpace space_{env_, {.folder = "data"}};
  asio::thread_pool readers_{1};
  std::unique_ptr<EmbeddedCoordinator> coordinator_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<LocalMailStore> mail_;
  std::unique_ptr<FaultyMail> faulty_;
  std::atomic<bool> stopping_{false};
  asio::io_context context_{1};
  std::thread thread_;
};

const std::string kLarge(600'000, 'x');

TEST_F(FanOut, TriesAgainWithoutStagingTheMessageAgain) {
  std::atomic<unsigned> tries{0};
  faulty_->instead_of_submit =
      [&](ShardId shard,
          const storage::MailTxn& txn) -> std::optional<Result<storage::MailOutcome>> {
    if (shard != kTwo || !is_delivery(txn) || ++tries > 3) return std::nullopt;
    return Error{ErrorCode::kBusy, "try later"};
  };
  enqueue(kLarge);
  start();
  ASSERT_TRUE(soon([&] { return queued() == 0; }));
  EXPECT_EQ(tries, 4u);
  EXPECT_EQ(faulty_->stages, 6u);  // three chunks in each shard
  EXPECT_EQ(inbox(kTwo, kBob), 1u);
  EXPECT_EQ(inbox(kThree, kCid), 1u);
}

TEST_F(FanOut, WhatIsRefusedForGoodIsTriedOnceAndHoldsUpNobody) {
  std::atomic<unsigned> tries{0};
  faulty_->instead_of_submit =
      [&](ShardId shard,
          const storage::MailTxn& txn) -> std::optional<Result<storage::MailOutcome>> {
    if (shard != kTwo || !is_delivery(txn) || tries++ > 0) return std::nullopt;
    storage::MailOutcome refused;
    refused.error = Error{ErrorCode::kInvalidArgument, "never"};
    return refused;
  };
  enqueue("refused by shard 2");
  start();
  ASSERT_TRUE(soon([&] { return inbox(kThree, kCid) == 1; }));
  enqueue("taken");
  ASSERT_TRUE(soon([&] { return inbox(kThree, kCid) == 2 && inbox(kTwo, kBob) == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  EXPECT_EQ(tries, 2u);
  EXPECT_EQ(queued(), 1u);
}

TEST_F(FanOut, AMessageWhoseChunksExpiredInTheTargetIsStagedAnew) {
  std::atomic<unsigned> tries{0};
  OpId first{};
  faulty_->instead_of_submit =
      [&](ShardId shard,
          const storage::MailTxn& txn) -> std::optional<Result<storage::MailOutcome>> {
    if (shard != kTwo || !is_delivery(txn)) return std::nullopt;
    if (++tries == 1) {
      first = txn.op;
      storage::NewRecord expired;
      expired.type = storage::RecordType::kUploadAbort;
      expired.meta = encode(
          storage::UploadAbort{*std::get<storage::AddMessage>(txn.commands[0]).content.upload});
      expired.seal();
      EXPECT_TRUE(await(shards_[1]->propose(std::move(expired))));
    } else {
      EXPECT_NE(txn.op, first);  // that one is remembered as refused
    }
    return std::nullopt;
  };
  enqueue(kLarge);
  start();
  ASSERT_TRUE(soon([&] { return queued() == 0; }));
  EXPECT_EQ(tries, 2u);
  EXPECT_EQ(faulty_->stages, 9u);
  EXPECT_EQ(inbox(kTwo, kBob), 1u);
}

}  // namespace
}  // namespace everpost::cluster
