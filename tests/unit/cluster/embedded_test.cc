#include "cluster/coordinator/embedded.h"

#include <gtest/gtest.h>

#include "cluster/coordinator/shard_value.h"
#include "storage/env/memory_env.h"
#include "tests/unit/storage/golden.h"

namespace everpost::cluster {
namespace {

class Embedded : public testing::Test {
 protected:
  std::unique_ptr<EmbeddedCoordinator> open() {
    auto coordinator = EmbeddedCoordinator::open(env_, "coordinator");
    EXPECT_TRUE(coordinator) << to_string(coordinator.error());
    return coordinator ? *std::move(coordinator) : nullptr;
  }

  storage::MemoryEnv env_{1};
};

ShardConfig some_config() {
  ShardConfig config;
  config.epoch = Epoch{7};
  config.primary = NodeId{2};
  config.isr = {{NodeId{2}, Uuid{std::byte{0xab}}}, {NodeId{3}, Uuid{}}};
  config.replicas = {NodeId{2}, NodeId{3}, NodeId{1}};
  config.min_isr = 2;
  config.nonce = {NodeId{2}, Incarnation{0xfeedfacecafebeef}, 41};
  return config;
}

TEST_F(Embedded, KeepsItsIdentityAndItsValues) {
  const auto cluster = open()->cluster();
  EXPECT_NE(cluster, Uuid{});
  ASSERT_TRUE(open()->create(ShardId{4}, some_config()));
  const auto again = open();
  EXPECT_EQ(again->cluster(), cluster);
  EXPECT_EQ(again->get_now(ShardId{4})->config, some_config());
  EXPECT_EQ(again->get_now(ShardId{4})->version, 1u);
  EXPECT_EQ(again->shards()->size(), 1u);
}

TEST_F(Embedded, SetsOnlyWhatHasTheExpectedVersion) {
  const auto coordinator = open();
  ASSERT_TRUE(coordinator->create(ShardId{1}, {}));
  EXPECT_EQ(*coordinator->compare_and_set_now(ShardId{1}, 1, some_config()), 2u);
  EXPECT_EQ(coordinator->compare_and_set_now(ShardId{1}, 1, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(coordinator->get_now(ShardId{1})->config, some_config());
  EXPECT_EQ(coordinator->compare_and_set_now(ShardId{9}, 1, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(coordinator->create(ShardId{1}, {}).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(Embedded, VerifiesThatAVersionStillHolds) {
  const auto coordinator = open();
  ASSERT_TRUE(coordinator->create(ShardId{1}, {}));
  EXPECT_TRUE(*coordinator->verify_now(ShardId{1}, 1));
  ASSERT_TRUE(coordinator->compare_and_set_now(ShardId{1}, 1, some_config()));
  EXPECT_FALSE(*coordinator->verify_now(ShardId{1}, 1));
  EXPECT_TRUE(*coordinator->verify_now(ShardId{1}, 2));
  EXPECT_EQ(coordinator->verify_now(ShardId{9}, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(Embedded, TellsAListenerUntilItIsGone) {
  const auto coordinator = open();
  ASSERT_TRUE(coordinator->create(ShardId{1}, {}));
  std::atomic<int> changes{0}, reached{0};
  auto watch = coordinator->watch(
      ShardId{1}, {.changed = [&] { ++changes; }, .reachable = [&](bool up) { reached += up; }});
  ASSERT_TRUE(coordinator->compare_and_set_now(ShardId{1}, 1, some_config()));
  ASSERT_TRUE(coordinator->get_now(ShardId{1}));  // behind it in the queue
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(reached, 1);
  watch.reset();
  ASSERT_TRUE(coordinator->compare_and_set_now(ShardId{1}, 2, some_config()));
  ASSERT_TRUE(coordinator->get_now(ShardId{1}));
  EXPECT_EQ(changes, 1);
}

TEST_F(Embedded, ReadsWhatEarlierVersionsWrote) {
  ShardConfig without_nonce = some_config();
  without_nonce.nonce = {};
  struct Case {
    const char* file;
    ShardConfig want;
  };
  const Case cases[] = {{"coordinator/shard-0003-1", without_nonce},
                        {"coordinator/shard-0003-2", some_config()}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file);
    const Versioned value{c.want, 12};
    const std::string shard = storage::golden(c.file, encode(value));
    ASSERT_TRUE(env_.make_folder("coordinator"));
    ASSERT_TRUE(storage::write_file_atomically(env_, "coordinator/shard-0003", as_bytes(shard)));
    const std::string identity = storage::golden(
        "coordinator/identity-1", "cluster 101112131415161718191a1b1c1d1e1f\ncrc 51864f3c\n");
    ASSERT_TRUE(storage::write_file_atomically(env_, "coordinator/identity", as_bytes(identity)));
    const auto coordinator = open();
    ASSERT_TRUE(coordinator);
    EXPECT_EQ(hex(coordinator->cluster()), "101112131415161718191a1b1c1d1e1f");
    EXPECT_EQ(coordinator->get_now(ShardId{3})->config, c.want);
    EXPECT_EQ(coordinator->get_now(ShardId{3})->version, 12u);
  }
  EXPECT_EQ(encode(Versioned{some_config(), 12}),
            storage::golden("coordinator/shard-0003-2", encode(Versioned{some_config(), 12})));
}

TEST(ShardConfigText, RoundTripsAndRefusesEveryDamagedByte) {
  const Versioned value{some_config(), 12};
  const std::string text = encode(value);
  const auto back = decode_shard_config(text);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->config, value.config);
  EXPECT_EQ(back->version, 12u);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    EXPECT_FALSE(decode_shard_config(damaged)) << "byte " << i;
    EXPECT_FALSE(decode_shard_config(text.substr(0, i))) << "cut at " << i;
  }
}

}  // namespace
}  // namespace everpost::cluster
