// What a crash, or rot, leaves of an index (H30, H31).
#include <gtest/gtest.h>
#include <random>

#include "base/log.h"
#include "storage/env/memory_env.h"
#include "storage/index/index.h"

namespace everpost::storage {
namespace {

Result<std::unique_ptr<Index>> open(MemoryEnv& env) { return Index::open(env, "index", 1 << 20); }

// Writes group `n`: the same keys and values on every try.
void write(Index& index, std::uint64_t n) {
  std::mt19937_64 random(n);
  const auto txn = index.begin();
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k/" + std::to_string(random() % 500);
    if (random() % 5 == 0)
      ASSERT_TRUE(txn->remove(key));
    else
      ASSERT_TRUE(txn->put(key, std::string(random() % 4000, static_cast<char>('a' + n % 26))));
  }
  ASSERT_TRUE(txn->commit(Lsn{n * 64}));
}

TEST(IndexRecovery, APowerLossLeavesAStateOfTheCheckpointOrLater) {
  log::open(log::Level::kError, "/dev/null");  // what recovery cuts off
  std::uint64_t survived = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    MemoryEnv env(seed);
    ASSERT_TRUE(env.make_folder("index"));
    ASSERT_TRUE(env.sync_folder("/"));
    std::vector<StateDigest> digests{{}};  // after each group
    std::uint64_t checkpoint = 0;
    {
      auto index = *open(env);
      ASSERT_TRUE(index->checkpoint());
      // Beyond 16 MiB, LevelDB's memtable: its log files change meanwhile.
      for (std::uint64_t n = 1; n <= 350 + seed * 120; ++n) {
        write(*index, n);
        digests.push_back(index->digest());
        if (n % 150 == 0) {
          ASSERT_TRUE(index->checkpoint());
          checkpoint = n;
        }
      }
      env.crash(MemoryEnv::Crash::kPower);
    }
    auto index = open(env);
    ASSERT_TRUE(index) << to_string(index.error());
    const std::uint64_t applied = (*index)->applied().value / 64;
    ASSERT_GE(applied, checkpoint);
    ASSERT_LT(applied, digests.size());
    EXPECT_EQ((*index)->digest(), digests[applied]);
    EXPECT_EQ(*(*index)->recompute_digest(), digests[applied]);
    survived += applied - checkpoint;

    // The log is replayed from there.
    for (std::uint64_t n = applied + 1; n < digests.size(); ++n) write(**index, n);
    EXPECT_EQ((*index)->digest(), digests.back());
  }
  EXPECT_GT(survived, 0u);  // otherwise the test says little about what is not checkpointed
}

TEST(IndexRecovery, AProcessThatDiesLosesNothing) {
  MemoryEnv env;
  ASSERT_TRUE(env.make_folder("index"));
  StateDigest digest;
  {
    auto index = *open(env);
    for (std::uint64_t n = 1; n <= 30; ++n) write(*index, n);
    digest = index->digest();
    env.crash(MemoryEnv::Crash::kProcess);
  }
  auto index = open(env);
  ASSERT_TRUE(index) << to_string(index.error());
  EXPECT_EQ((*index)->applied(), Lsn{30 * 64});
  EXPECT_EQ((*index)->digest(), digest);
}

TEST(IndexRecovery, AFailedWriteIsAnErrorAndStaysOne) {
  MemoryEnv env;
  ASSERT_TRUE(env.make_folder("index"));
  auto index = *open(env);
  write(*index, 1);
  env.fail_next_write();
  {
    const auto txn = index->begin();
    ASSERT_TRUE(txn->put("a", "b"));
    EXPECT_EQ(txn->commit(Lsn{128}).error().code, ErrorCode::kIo);
  }
  EXPECT_EQ(index->applied(), Lsn{64});
  const auto txn = index->begin();
  ASSERT_TRUE(txn->put("a", "b"));
  EXPECT_FALSE(txn->commit(Lsn{128}));
}

TEST(IndexRecovery, AFailedSyncIsAnError) {
  MemoryEnv env;
  ASSERT_TRUE(env.make_folder("index"));
  auto index = *open(env);
  write(*index, 1);
  env.fail_next_sync(MemoryEnv::SyncFault::kKeeps);
  EXPECT_EQ(index->checkpoint().error().code, ErrorCode::kIo);
}

TEST(IndexRecovery, RotIsFound) {
  MemoryEnv env;
  ASSERT_TRUE(env.make_folder("index"));
  {
    auto index = *open(env);
    for (std::uint64_t n = 1; n <= 60; ++n) write(*index, n);
  }
  ASSERT_TRUE(open(env));  // LevelDB makes a table of its log
  std::size_t tables = 0;
  for (const std::string& name : *env.list("index")) {
    if (!name.ends_with(".ldb")) continue;
    ++tables;
    env.flip_bit("index/" + name, 5000, 3);
  }
  ASSERT_GT(tables, 0u);
  auto index = open(env);
  ASSERT_TRUE(index) << to_string(index.error());
  const auto digest = (*index)->recompute_digest();
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace everpost::storage
