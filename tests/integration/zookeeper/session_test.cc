// Sessions end, servers die, ensembles go away and come back (docs/hazards.md, H6, H8 to H11).
#include "tests/integration/zookeeper/fixture.h"

namespace everpost::cluster {
namespace {

class Session : public ZooKeeperTest {};

TEST_F(Session, AWatchTellsOfEachChangeThatFollowsARead) {
  const auto writer = open(NodeId{2});
  make_cluster(*writer);
  const auto coordinator = open();
  Ears ears(*coordinator);
  ASSERT_TRUE(coordinator->get_now(kShard));
  EXPECT_TRUE(soon([&] { return ears.up.load(); }));
  for (std::uint64_t version = 1; version < 5; ++version) {
    const int before = ears.changes;
    ASSERT_TRUE(writer->compare_and_set_now(kShard, version, config(Epoch{1})));
    EXPECT_TRUE(soon([&] { return ears.changes > before; }));
    EXPECT_EQ(coordinator->get_now(kShard)->version, version + 1);  // and watches again
  }
}

// A watch fires once; between that and the next read changes go unheard. Whoever polls sees them.
TEST_F(Session, AChangeWithoutAWatchIsFoundByPolling) {
  const auto writer = open(NodeId{2});
  make_cluster(*writer);
  const auto coordinator = open_at(NodeId{1}, ensemble().addresses());
  ASSERT_TRUE(coordinator->get_now(kShard));
  Ears ears(*coordinator);
  ASSERT_TRUE(writer->compare_and_set_now(kShard, 1, config(Epoch{1})));
  EXPECT_TRUE(soon([&] { return ears.changes == 1; }));
  ASSERT_TRUE(writer->compare_and_set_now(kShard, 2, config(Epoch{1})));
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(ears.changes, 1);
  EXPECT_EQ(coordinator->get_now(kShard)->version, 3u);
}

TEST_F(Session, AfterItsExpiryAllIsMadeAnew) {
  const auto other = open(NodeId{2});
  make_cluster(*other);
  const int server = ensemble().follower();
  const auto coordinator = open_at(NodeId{1}, {ensemble().address(server)});
  Ears ears(*coordinator);
  coordinator->registry().announce({NodeId{1}, "127.0.0.1:1", "", "0.1", {1, 1}});
  ASSERT_TRUE(soon([&] { return coordinator->registry().registered(); }));
  ASSERT_TRUE(coordinator->get_now(kShard));
  const auto is_live = [&] {
    const auto members = other->registry().members();
    return members && members->size() == 1 && members->front().live;
  };
  EXPECT_TRUE(is_live());

  ensemble().freeze(server);
  EXPECT_TRUE(soon([&] { return !is_live(); }));  // the others have ended its session
  EXPECT_TRUE(soon([&] { return !ears.up; }));
  ASSERT_TRUE(other->compare_and_set_now(kShard, 1, config(Epoch{2})));
  const int before = ears.changes;
  ensemble().thaw(server);
  EXPECT_TRUE(soon([&] { return ears.up.load(); }));
  EXPECT_TRUE(soon([&] { return ears.changes > before; }));
  EXPECT_TRUE(soon(is_live));
  EXPECT_TRUE(soon([&] { return coordinator->registry().registered(); }));
  const auto now = coordinator->get_now(kShard);
  ASSERT_TRUE(now) << to_string(now.error());
  EXPECT_EQ(now->version, 2u);
  // Watched anew.
  const int heard = ears.changes;
  ASSERT_TRUE(other->compare_and_set_now(kShard, 2, config(Epoch{3})));
  EXPECT_TRUE(soon([&] { return ears.changes > heard; }));
  // The entry stays, past the time that the old session might have had.
  std::this_thread::sleep_for(2s);
  EXPECT_TRUE(is_live());
}

// Changes go on all the time; what is the longest pause?
class Pauses {
 public:
  explicit Pauses(ZooKeeperCoordinator& coordinator) : coordinator_(coordinator) {
    thread_ = std::thread([this] { run(); });
  }
  std::chrono::milliseconds stop() {
    stopping_ = true;
    thread_.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(longest_);
  }

 private:
  void run() {
    auto last = steady_clock::now();
    std::uint32_t counter = 0;
    while (!stopping_) {
      const auto now = coordinator_.get_now(kShard);
      if (!now) continue;
      ShardConfig next = now->config;
      next.nonce = {NodeId{5}, Incarnation{5}, ++counter};
      if (!coordinator_.compare_and_set_now(kShard, now->version, next)) continue;
      longest_ = std::max(longest_, steady_clock::now() - last);
      last = steady_clock::now();
    }
    longest_ = std::max(longest_, steady_clock::now() - last);
  }

  ZooKeeperCoordinator& coordinator_;
  steady_clock::duration longest_{};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

TEST_F(Session, TheLossOfOneServerOfThreeIsNoOutage) {
  for (const bool leader : {false, true}) {
    SCOPED_TRACE(leader ? "the leader" : "a follower");
    root_ += "x";
    const int server = leader ? ensemble().leader() : ensemble().follower();
    const auto coordinator = std::make_unique<ZooKeeperCoordinator>(
        options(NodeId{1}, {ensemble().address(server), ensemble().address((server + 1) % 3),
                            ensemble().address((server + 2) % 3)}));
    make_cluster(*coordinator);
    Ears ears(*coordinator);
    ASSERT_TRUE(soon([&] { return ears.up.load(); }));
    Pauses pauses(*coordinator);
    std::this_thread::sleep_for(300ms);
    ensemble().kill(server);
    std::this_thread::sleep_for(4s);
    const auto longest = pauses.stop();
    std::printf("loss of %s: a pause of %ld ms\n", leader ? "the leader" : "a follower",
                static_cast<long>(longest.count()));
    EXPECT_LT(longest, leader ? 3500ms : 1000ms);
    if (!leader) EXPECT_EQ(ears.turns, 1);  // reachable all the time
    ensemble().start(server);
    ensemble().wait_until_serving();
  }
}

TEST_F(Session, TheWholeEnsembleGoesAndComesBack) {
  const auto coordinator = open();
  make_cluster(*coordinator);
  Ears ears(*coordinator);
  coordinator->registry().announce({NodeId{1}, "127.0.0.1:1", "", "0.1", {1, 1}});
  ASSERT_TRUE(soon([&] { return ears.up.load(); }));
  ASSERT_TRUE(coordinator->compare_and_set_now(kShard, 1, config(Epoch{2})));
  ensemble().kill_all();
  EXPECT_TRUE(soon([&] { return !ears.up; }));
  const auto before = steady_clock::now();
  EXPECT_EQ(coordinator->get_now(kShard).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 2, config(Epoch{3})).error().code,
            ErrorCode::kUnavailable);
  EXPECT_LT(steady_clock::now() - before, 3s);
  std::this_thread::sleep_for(3s);  // longer than the session's timeout
  ensemble().start_all();
  EXPECT_TRUE(soon([&] { return ears.up.load(); }, 30s));
  const auto now = coordinator->get_now(kShard);
  ASSERT_TRUE(now) << to_string(now.error());
  EXPECT_EQ(now->version, 2u);
  EXPECT_EQ(coordinator->compare_and_set_now(kShard, 2, config(Epoch{3})), 3u);
  EXPECT_TRUE(soon([&] { return coordinator->registry().registered(); }));
}

// A coordinator that starts before its ensemble.
TEST_F(Session, AnEnsembleThatComesLateIsFound) {
  make_cluster(*open());
  ensemble().kill_all();
  const auto coordinator = open();
  Ears ears(*coordinator);
  EXPECT_EQ(coordinator->get_now(kShard).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(ears.up);
  ensemble().start_all();
  EXPECT_TRUE(soon([&] { return ears.up.load(); }, 30s));
  EXPECT_TRUE(coordinator->get_now(kShard));
}

// An ensemble restored from an old backup: the version is lower than one that was seen. The session
// that has seen the future is refused by the servers; a new one tells, and a write proves it (H6).
TEST(RolledBack, AnEnsembleThatWentBackInTimeIsNoticed) {
  test::Ensemble one(1);
  ZooKeeperCoordinator::Options options;
  options.zookeeper.servers = one.addresses();
  options.zookeeper.session_timeout = 1s;
  options.node = NodeId{1};
  options.incarnation = Incarnation{1};
  ZooKeeperCoordinator coordinator(options);
  ASSERT_TRUE(coordinator.registry().create_cluster(Uuid{}, 1));
  ShardConfig config;
  ASSERT_TRUE(coordinator.create(kShard, config));
  const auto change = [&](std::uint64_t version) {
    config.nonce.counter = static_cast<std::uint32_t>(version);
    return coordinator.compare_and_set_now(kShard, version, config);
  };
  ASSERT_TRUE(change(1));
  one.kill(0);
  one.save(0, "backup");
  one.start(0);
  one.wait_until_serving();
  ASSERT_TRUE(soon([&] { return coordinator.get_now(kShard).has_value(); }));
  for (std::uint64_t version = 2; version < 6; ++version) ASSERT_TRUE(change(version));
  EXPECT_EQ(coordinator.get_now(kShard)->version, 6u);
  one.kill(0);
  one.restore(0, "backup");
  one.start(0);
  one.wait_until_serving();
  Result<Versioned> now = Error{};
  ASSERT_TRUE(soon([&] { return (now = coordinator.get_now(kShard)).has_value(); }));
  EXPECT_EQ(now->version, 2u);
  EXPECT_EQ(coordinator.verify_now(kShard, 2), true);
  EXPECT_EQ(coordinator.verify_now(kShard, 6), false);
}

}  // namespace
}  // namespace everpost::cluster
