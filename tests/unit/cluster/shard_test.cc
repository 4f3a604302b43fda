// A shard over files in memory: what a record that kills the process and an applier that hangs do
// to it.
#include "cluster/shard/shard.h"

#include <gtest/gtest.h>
#include <thread>

#include "cluster/coordinator/embedded.h"
#include "cluster/router/housekeeping.h"
#include "cluster/router/local_directory_store.h"
#include "cluster/router/local_mail_store.h"
#include "cluster/router/op_ids.h"
#include "storage/env/memory_env.h"
#include "storage/index/hint_file.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

using storage::MemoryEnv;
using Kind = MemoryEnv::Operation::Kind;

storage::NewRecord account_record() {
  storage::MailTxn txn;
  txn.op = make_op_id(NodeId{1}, system_clock().wall());
  txn.commands.push_back(storage::CreateAccount{AccountId{1}, 0});
  storage::NewRecord record;
  record.meta = encode(txn);
  record.time = system_clock().wall();
  record.seal();
  return record;
}

class ShardTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(env_.make_folder("data"));
    start_machine();
    ASSERT_TRUE(coordinator_->create(ShardId{1}, {}));
  }
  void start_machine() {
    auto coordinator = EmbeddedCoordinator::open(env_, "data/coordinator");
    ASSERT_TRUE(coordinator);
    coordinator_ = *std::move(coordinator);
  }
  Result<std::unique_ptr<Shard>> open() {
    Shard::Options options;
    options.env = &env_;
    options.coordinator = coordinator_.get();
    options.time = &time_;
    options.waiting_bytes = &waiting_bytes_;
    options.node = NodeId{1};
    options.replica.folder = "data/shard-0001";
    options.replica.cluster = coordinator_->cluster();
    options.replica.shard = ShardId{1};
    options.replica.kind = storage::ShardKind::kMail;
    options.replica.segment_bytes = 8 << 20;
    options.replica.index_cache_bytes = 1 << 20;
    options.replica.boot.fill(std::byte{1});
    options.failed = [this](ShardId, const Error&) { failed_ = true; };
    storage::ReplicaRecovery recovery;
    return Shard::open(options, recovery);
  }
  // From now on the process dies as soon as it applies something.
  void die_when_applying() {
    dead_ = applying_ = false;
    env_.set_hook([this](const MemoryEnv::Operation& operation) -> std::optional<Error> {
      if (!dead_ && operation.kind == Kind::kWrite && operation.path.ends_with("/applying"))
        applying_ = true;
      if (applying_ && operation.path.find("/index/") != std::string::npos) dead_ = true;
      if (dead_) return Error{ErrorCode::kIo, "the process has died"};
      return std::nullopt;
    });
  }
  void crash() {
    coordinator_.reset();
    env_.set_hook({});
    env_.crash(MemoryEnv::Crash::kProcess);
    start_machine();
  }

  MemoryEnv env_{1};
  LogTime time_;
  WaitingBytes waiting_bytes_{1 << 20};
  std::unique_ptr<EmbeddedCoordinator> coordinator_;
  std::atomic<bool> applying_{false}, dead_{false}, failed_{false};
};

TEST_F(ShardTest, ARecordThatKillsIsRefusedAfterAFewStarts) {
  {
    auto shard = open();
    ASSERT_TRUE(shard) << to_string(shard.error());
    die_when_applying();
    EXPECT_FALSE(await((*shard)->propose(account_record())));
  }
  crash();
  for (int start = 1;; ++start) {
    ASSERT_LE(start, 5) << "the record is tried for ever";
    die_when_applying();
    const auto shard = open();
    ASSERT_FALSE(shard);
    if (shard.error().context.find("applying and start") != std::string::npos) break;
    EXPECT_TRUE(dead_) << to_string(shard.error());
    crash();
  }
  // The version that can apply it is installed:
  crash();
  ASSERT_TRUE(env_.remove("data/shard-0001/applying"));
  const auto shard = open();
  ASSERT_TRUE(shard) << to_string(shard.error());
  EXPECT_EQ((*shard)->status().applied, (*shard)->status().end);
}

// A death with several records under way tells only that it was one of them. The next start takes
// them one at a time, also those that it applies after taking over.
TEST_F(ShardTest, ARecordThatKillsWithinAGroupIsLookedForAtTheNextStart) {
  {
    auto shard = open();
    ASSERT_TRUE(shard) << to_string(shard.error());
    die_when_applying();
    EXPECT_FALSE(await((*shard)->propose(account_record())));
  }
  crash();
  {
    const auto applying = storage::HintFile::open(env_, "data/shard-0001/applying");
    ASSERT_TRUE(applying);
    const auto [first, end] = (*applying)->found();
    ASSERT_TRUE((*applying)->write({first, end + 8}));  // with another one behind it
  }
  int deaths = 1;
  for (;; ++deaths) {
    die_when_applying();
    const auto shard = open();
    ASSERT_FALSE(shard);
    if (shard.error().context.find("applying and start") != std::string::npos) break;
    crash();
    ASSERT_LE(deaths, 4);
  }
  EXPECT_EQ(deaths, 3);  // the group's, and two of the record by itself
}

// What all shards of a node may hold in memory is theirs together.
TEST_F(ShardTest, WhatWaitsForTheLogIsBoundedForTheWholeNode) {
  auto shard = open();
  ASSERT_TRUE(shard) << to_string(shard.error());
  const std::uint64_t others = waiting_bytes_.used() + (1 << 20) - 100;
  ASSERT_TRUE(waiting_bytes_.take(others));
  storage::NewRecord record = account_record();
  record.body.push_back(share(std::string(200, 'x')));
  record.seal();
  const auto busy = await((*shard)->propose(std::move(record)));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::kBusy);
  waiting_bytes_.give(others);
  EXPECT_TRUE(await((*shard)->propose(account_record())));
  EXPECT_EQ(waiting_bytes_.used(), 0u);
}

// After a failed apply nobody waits in vain: neither those behind it nor those who come later.
TEST_F(ShardTest, AfterAFailedApplyEveryoneIsAnsweredAndTheShardStops) {
  auto shard = open();
  ASSERT_TRUE(shard) << to_string(shard.error());
  env_.set_hook([](const MemoryEnv::Operation& operation) -> std::optional<Error> {
    if (operation.kind == Kind::kWrite && operation.path.find("/index/") != std::string::npos)
      return Error{ErrorCode::kIo, "the index cannot be written"};
    return std::nullopt;
  });
  asio::io_context context{1};
  const std::size_t kMany = Applier::kBacklogMax + 2000;
  std::size_t answered = 0;
  const auto one = [](Shard& home, std::size_t& count) -> asio::awaitable<void> {
    const auto done = co_await home.propose(account_record());
    EXPECT_FALSE(done);
    ++count;
  };
  for (std::size_t i = 0; i < kMany; i += 1000) {
    for (int n = 0; n < 1000; ++n) asio::co_spawn(context, one(**shard, answered), asio::detached);
    context.run_for(std::chrono::seconds{30});
    context.restart();
    ASSERT_EQ(answered, i + 1000);
  }
  EXPECT_TRUE(failed_);
  EXPECT_FALSE((*shard)->stop());
}

TEST(Housekeeping, TheFloorOfOperationsIsNeverInTheFuture) {
  constexpr std::int64_t kHour = 3'600'000'000;
  EXPECT_EQ(ops_floor(WallTime{-kHour}), 0u);
  EXPECT_EQ(ops_floor(WallTime{0}), 0u);
  EXPECT_EQ(ops_floor(WallTime{23 * kHour}), 0u);
  EXPECT_EQ(ops_floor(WallTime{24 * kHour}), 0u);
  EXPECT_EQ(ops_floor(WallTime{25 * kHour}), 1u);
}

// The applier hangs, in a watcher's callback: what was proposed is committed and never answered by
// it.
TEST_F(ShardTest, OneThatHangsKeepsNobodyFromStopping) {
  auto shard = open();
  ASSERT_TRUE(shard);
  std::mutex disk;
  std::unique_lock hangs(disk);
  std::atomic<bool> tried{false};
  const auto watch = (*shard)->watchers().watch(AccountId{1}, [&] {
    tried = true;
    const std::scoped_lock waits(disk);
  });
  asio::io_context context{1};
  asio::thread_pool readers{1};
  DiskSpace space(env_, {.folder = "data"});
  LocalMailStore mail(NodeId{1}, {{ShardId{1}, shard->get()}}, time_, space, readers);
  LocalDirectoryStore directory(NodeId{1}, **shard, time_, readers);
  Housekeeping housekeeping(context, mail, directory, time_, {shard->get()},
                            std::chrono::milliseconds{10});
  housekeeping.start();
  std::optional<ErrorCode> answer;
  const auto job = [](Shard& home, std::optional<ErrorCode>& to) -> asio::awaitable<void> {
    const auto done = co_await home.propose(account_record());
    to = done ? ErrorCode::kInternal : done.error().code;
  };
  housekeeping.run(job(**shard, answer));
  asio::post(context, [&] { housekeeping.stop(); });
  context.run_for(std::chrono::seconds{30});
  EXPECT_TRUE(context.stopped());
  if (tried) EXPECT_EQ(answer, ErrorCode::kTimeout);
  hangs.unlock();
}

}  // namespace
}  // namespace everpost::cluster
