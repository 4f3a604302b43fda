// What compare-and-set, verify and reads promise (docs/hazards.md, H1, H5, H7, H13).
#include "tests/integration/zookeeper/fixture.h"
#include "tests/support/proxy.h"

namespace everpost::cluster {
namespace {

class CompareAndSet : public ZooKeeperTest {};

TEST_F(CompareAndSet, StoresOnlyWhatHasTheExpectedVersion) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  const ShardConfig second = config(Epoch{2});
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 1, second), 2u);
  const auto late = coordinator->compare_and_set_now(kShard, 1, config(Epoch{3}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_NE(late.error().context.find(shard_path()), std::string::npos) << late.error().context;
  const auto now = coordinator->get_now(kShard);
  ASSERT_TRUE(now) << to_string(now.error());
  EXPECT_EQ(now->version, 2u);
  EXPECT_EQ(now->config, second);  // with its nonce
  EXPECT_EQ(coordinator->compare_and_set_now(ShardId{9}, 1, second).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(coordinator->get_now(ShardId{9}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(coordinator->create(kShard, config(Epoch{1})).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(coordinator->shards(), std::vector<ShardId>{kShard});
}

// Version 0 would be ZooKeeper's -1, "whatever it is" (H5).
TEST_F(CompareAndSet, NeverGoesWithoutAVersion) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 0, config(Epoch{2})).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(coordinator->get_now(kShard)->version, 1u);
}

TEST_F(CompareAndSet, VerifiesByAWrite) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  EXPECT_EQ(coordinator->verify_now(kShard, 1), true);
  ASSERT_TRUE(coordinator->compare_and_set_now(kShard, 1, config(Epoch{2})));
  EXPECT_EQ(coordinator->verify_now(kShard, 1), false);
  EXPECT_EQ(coordinator->verify_now(kShard, 2), true);
  EXPECT_EQ(coordinator->verify_now(ShardId{9}, 1).error().code, ErrorCode::kNotFound);

  // A follower that is cut off from the leader can still read. It proves nothing, and verify does
  // not take it for a proof: the leader and the other one are frozen.
  const int leader = ensemble().leader();
  const int other = (leader + 1) % 3, mine = (leader + 2) % 3;
  const auto alone = open_at(NodeId{2}, {ensemble().address(mine)});
  ASSERT_TRUE(soon([&] { return alone->get_now(kShard).has_value(); }));
  ensemble().freeze(leader);
  ensemble().freeze(other);
  EXPECT_EQ(alone->verify_now(kShard, 2).error().code, ErrorCode::kUnavailable);
  ensemble().thaw(leader);
  ensemble().thaw(other);
  EXPECT_TRUE(soon([&] { return alone->verify_now(kShard, 2).value_or(false); }));
}

// The server stores it, and the answer gets lost.
TEST_F(CompareAndSet, AnOutcomeThatIsUnknownShowsInTheNonce) {
  make_cluster(*open());
  test::Proxy proxy(ensemble().address(0));
  const auto coordinator = open_at(NodeId{1}, {proxy.address()});
  ASSERT_TRUE(coordinator->get_now(kShard));
  const ShardConfig second = config(Epoch{2});
  proxy.lose_answers(true);
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 1, second).error().code,
            ErrorCode::kUnavailable);
  proxy.cut();
  proxy.lose_answers(false);
  Result<Versioned> now = Error{};
  ASSERT_TRUE(soon([&] { return (now = coordinator->get_now(kShard)).has_value(); }));
  EXPECT_EQ(now->version, 2u);
  EXPECT_EQ(now->config.nonce, second.nonce);
  // The same again cannot be stored a second time.
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 1, second).error().code, ErrorCode::kConflict);
}

// It may be stored long after everybody has given up waiting. The same proposal again, with another
// nonce, decides which of them it was (H1).
TEST_F(CompareAndSet, OfAProposalAndItsRepetitionExactlyOneIsStored) {
  const auto elsewhere = open(NodeId{2});
  make_cluster(*elsewhere);
  const int server = ensemble().follower();
  const auto coordinator = open_at(NodeId{1}, {ensemble().address(server)});
  ASSERT_TRUE(coordinator->get_now(kShard));
  ensemble().freeze(server);
  const ShardConfig first = config(Epoch{2});
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 1, first).error().code,
            ErrorCode::kUnavailable);
  const ShardConfig again = config(Epoch{2});
  const auto repeated = elsewhere->compare_and_set_now(kShard, 1, again);
  ensemble().thaw(server);
  EXPECT_EQ(repeated, 2u);  // the first one is still in the frozen server's socket
  std::this_thread::sleep_for(500ms);
  const auto now = elsewhere->get_now(kShard);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->version, 2u);
  EXPECT_EQ(now->config.nonce, again.nonce);
}

TEST_F(CompareAndSet, AServerKilledBeforeItsAnswerLeavesOneOutcome) {
  const auto elsewhere = open(NodeId{2});
  make_cluster(*elsewhere);
  const auto coordinator = open(NodeId{1});
  ASSERT_TRUE(coordinator->get_now(kShard));
  const int server = ensemble().follower();
  std::uint64_t version = 1;
  for (int round = 0; round < 3; ++round) {
    const ShardConfig next = config(Epoch{static_cast<std::uint32_t>(round + 2)});
    std::promise<Result<std::uint64_t>> answered;
    coordinator->compare_and_set(kShard, version, next, [&](Result<std::uint64_t> outcome) {
      answered.set_value(std::move(outcome));
    });
    ensemble().kill(server);
    const auto outcome = answered.get_future().get();
    Result<Versioned> now = Error{};
    ASSERT_TRUE(soon([&] { return (now = elsewhere->get_now(kShard)).has_value(); }));
    const bool stored = now->config.nonce == next.nonce;
    if (outcome) EXPECT_TRUE(stored && *outcome == now->version);
    if (!outcome) EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
    version = now->version;
    ensemble().start(server);
    ensemble().wait_until_serving();
  }
}

// The server of the first session hangs: the second one carries the request (H55).
TEST_F(CompareAndSet, AHangingServerCostsLittle) {
  const int server = ensemble().follower();
  const int other = ensemble().leader();
  const auto coordinator = std::make_unique<ZooKeeperCoordinator>(
      options(NodeId{1}, {ensemble().address(server), ensemble().address(other)}));
  make_cluster(*coordinator);
  ensemble().freeze(server);
  const auto before = steady_clock::now();
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 1, config(Epoch{2})), 2u);
  EXPECT_EQ(coordinator->verify_now(kShard, 2), true);
  const auto now = coordinator->get_now(kShard);
  EXPECT_LT(steady_clock::now() - before, 2500ms);
  EXPECT_TRUE(now && now->version == 2);
  ensemble().thaw(server);
  // What the frozen one still had of it has no effect.
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(coordinator->get_now(kShard)->version, 2u);
}

// Reads go to another server than the writes, which may be behind (H7).
TEST_F(CompareAndSet, AReadIsAsNewAsTheLastWriteElsewhere) {
  const int leader = ensemble().leader();
  const auto writer = open_at(NodeId{1}, {ensemble().address(leader)});
  const auto reader = open_at(NodeId{2}, {ensemble().address((leader + 1) % 3)});
  make_cluster(*writer);
  for (std::uint64_t version = 1; version < 60; ++version) {
    ASSERT_TRUE(writer->compare_and_set_now(kShard, version, config(Epoch{1})));
    const auto seen = reader->get_now(kShard);
    ASSERT_TRUE(seen) << to_string(seen.error());
    EXPECT_EQ(seen->version, version + 1);
  }
}

TEST_F(CompareAndSet, AZnodeMadeAgainIsNotTrusted) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  ASSERT_TRUE(coordinator->get_now(kShard));
  ZooKeeperSession by_hand({ensemble().addresses(), 3000ms, "by hand"}, {});
  by_hand.start();
  ASSERT_TRUE(write_and_wait(by_hand, {{ZnodeChange::Kind::kRemove, shard_path(), {}, 0}}));
  const auto there = coordinator->create(kShard, config(Epoch{1}));
  ASSERT_TRUE(there) << to_string(there.error());
  const auto now = coordinator->get_now(kShard);
  ASSERT_FALSE(now);
  EXPECT_EQ(now.error().code, ErrorCode::kFenced);
  EXPECT_NE(now.error().context.find(shard_path()), std::string::npos);
}

TEST_F(CompareAndSet, AZnodeThatCannotBeReadIsNamed) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  ZooKeeperSession by_hand({ensemble().addresses(), 3000ms, "by hand"}, {});
  by_hand.start();
  ASSERT_TRUE(write_and_wait(by_hand, {{ZnodeChange::Kind::kSet, shard_path(), "what?", 0}}));
  const auto now = coordinator->get_now(kShard);
  ASSERT_FALSE(now);
  EXPECT_EQ(now.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(now.error().context.find(shard_path()), std::string::npos) << now.error().context;
}

// More at once than may be with the client, and a server that hangs meanwhile (H13).
TEST_F(CompareAndSet, EveryRequestOfManyIsAnsweredOnce) {
  const int server = ensemble().follower();
  const auto coordinator = open_at(NodeId{1}, {ensemble().address(server)});
  make_cluster(*coordinator);
  constexpr int kMany = 6000;  // some are beyond what may wait
  std::vector<std::atomic<int>> answers(kMany);
  std::atomic<int> good{0}, bad{0};
  const auto ask = [&](int i) {
    coordinator->get(kShard, [&, i](Result<Versioned> now) {
      ++answers[static_cast<std::size_t>(i)];
      ++(now ? good : bad);
    });
  };
  for (int i = 0; i < kMany / 2; ++i) ask(i);
  ensemble().freeze(server);
  for (int i = kMany / 2; i < kMany; ++i) ask(i);
  EXPECT_TRUE(soon([&] { return good + bad == kMany; }));
  ensemble().thaw(server);
  EXPECT_TRUE(soon([&] { return coordinator->get_now(kShard).has_value(); }));
  for (const auto& count : answers) EXPECT_EQ(count, 1);
  EXPECT_GT(bad, 0);
}

}  // namespace
}  // namespace everpost::cluster
