// LevelDB on our files: what a crash leaves of a database that is written without sync.
#include "storage/index/leveldb_env.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <random>

#include "base/log.h"
#include "storage/env/memory_env.h"
#include "storage/index/leveldb_log.h"

namespace everpost::storage {
namespace {

constexpr std::size_t kWriteBufferBytes = 64 << 10;  // the least that LevelDB takes
const std::string kFolder = "db";

// A database in which write number n puts key n and the number of the last write, together.
class Numbers {
 public:
  explicit Numbers(Env& env) : env_(make_leveldb_env(env)) {
    leveldb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    options.paranoid_checks = true;
    options.write_buffer_size = kWriteBufferBytes;
    leveldb::DB* db = nullptr;
    status_ = leveldb::DB::Open(options, kFolder, &db);
    db_.reset(db);
  }

  const leveldb::Status& status() const { return status_; }

  leveldb::Status write(std::uint64_t n, bool sync) {
    leveldb::WriteBatch batch;
    batch.Put(key(n), value(n));
    batch.Put("last", std::to_string(n));
    leveldb::WriteOptions options;
    options.sync = sync;
    return db_->Write(options, &batch);
  }
  std::uint64_t last() {
    std::string text;
    const auto status = db_->Get({}, "last", &text);
    return status.ok() ? std::stoull(text) : 0;
  }
  // Writes 1..last() are all there as they were written, and nothing else.
  std::string check() {
    const std::uint64_t last = this->last();
    for (std::uint64_t n = 1; n <= last; ++n) {
      std::string found;
      if (!db_->Get({}, key(n), &found).ok()) return "lost " + std::to_string(n);
      if (found != value(n)) return "changed " + std::to_string(n);
    }
    std::string found;
    if (db_->Get({}, key(last + 1), &found).ok()) return "ahead of " + std::to_string(last);
    return "";
  }

  static std::string key(std::uint64_t n) { return "k" + hex(n); }
  // About 3 KiB that do not compress: a memtable is full after some twenty writes.
  static std::string value(std::uint64_t n) {
    std::mt19937_64 random(n);
    std::string value;
    for (std::uint64_t i = 0; i < 300 + n % 100; ++i) append_le(value, std::uint64_t{random()});
    return value;
  }

 private:
  std::unique_ptr<leveldb::Env> env_;
  std::unique_ptr<leveldb::DB> db_;
  leveldb::Status status_;
};

// More of them on request: EVERPOST_SEEDS=10000.
std::uint64_t seeds() {
  const char* wanted = std::getenv("EVERPOST_SEEDS");
  return wanted ? std::stoull(wanted) : 25;
}

std::string only_log(MemoryEnv& env) {
  std::string found;
  const auto names = *env.list(kFolder);
  for (const std::string& name : names)
    if (name.ends_with(".log")) found = kFolder + "/" + name;
  return found;
}
std::string manifest(MemoryEnv& env) {
  const auto names = *env.list(kFolder);
  for (const std::string& name : names)
    if (name.starts_with("MANIFEST")) return kFolder + "/" + name;
  return "";
}
std::uint64_t bytes_of(MemoryEnv& env, const std::string& path) {
  return *(*env.open(path, Env::Open::kRead))->size();
}

class LevelDbEnvTest : public testing::Test {
 protected:
  LevelDbEnvTest() { log::open(log::Level::kError, "/dev/null"); }
};

TEST_F(LevelDbEnvTest, PowerLossDuringMemtableSwitchesLeavesAPrefixWithEveryCheckpoint) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    MemoryEnv env(seed);
    std::uint64_t checkpoint = 0, last = 0;
    for (int life = 0; life < 4; ++life) {
      {
        Numbers db(env);
        ASSERT_TRUE(db.status().ok()) << db.status().ToString();
        ASSERT_EQ(db.check(), "");
        ASSERT_GE(db.last(), checkpoint);
        ASSERT_LE(db.last(), last);
        last = db.last();
        env.stop_at(env.operations() + 1 + random() % 150);
        for (;;) {
          const bool sync = random() % 16 == 0;
          if (!db.write(last + 1, sync).ok()) break;
          ++last;
          if (sync) checkpoint = last;
        }
        ++last;  // the write that failed may be there or not
      }
      env.crash(MemoryEnv::Crash::kPower, 0.5);
    }
  }
}

TEST_F(LevelDbEnvTest, ACrashOfTheProcessLosesNothing) {
  MemoryEnv env(7);
  for (std::uint64_t n = 1; n <= 100; ++n) {
    {
      Numbers db(env);
      ASSERT_EQ(db.last(), n - 1);
      ASSERT_TRUE(db.write(n, false).ok());
      env.stop_at(env.operations() + 1);
    }
    env.crash(MemoryEnv::Crash::kProcess);
  }
  Numbers db(env);
  EXPECT_EQ(db.last(), 100u);
  EXPECT_EQ(db.check(), "");
}

TEST_F(LevelDbEnvTest, TheNewestLogEndsAtItsFirstDamage) {
  MemoryEnv env(3);
  {
    Numbers db(env);
    for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(db.write(n, false).ok());
  }
  const std::string log = only_log(env);
  env.flip_bit(log, bytes_of(env, log) / 2, 3);
  Numbers db(env);
  ASSERT_TRUE(db.status().ok()) << db.status().ToString();
  EXPECT_GT(db.last(), 0u);
  EXPECT_LT(db.last(), 10u);
  EXPECT_EQ(db.check(), "");
}

TEST_F(LevelDbEnvTest, AnyBitOfTheManifestIsMissed) {
  MemoryEnv env(4);
  {
    Numbers db(env);
    for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(db.write(n, false).ok());
  }
  const std::string path = manifest(env);
  for (std::uint64_t at = 0; at < bytes_of(env, path); ++at) {
    SCOPED_TRACE("byte " + std::to_string(at));
    env.flip_bit(path, at, at % 8);
    const Numbers db(env);
    EXPECT_TRUE(db.status().IsCorruption()) << db.status().ToString();
    env.flip_bit(path, at, at % 8);
  }
}

TEST_F(LevelDbEnvTest, AfterAFailedSyncEveryWriteFails) {
  for (const auto fault : {MemoryEnv::SyncFault::kKeeps, MemoryEnv::SyncFault::kReverts}) {
    MemoryEnv env(5);
    Numbers db(env);
    ASSERT_TRUE(db.write(1, true).ok());
    env.fail_next_sync(fault);
    EXPECT_FALSE(db.write(2, true).ok());
    for (std::uint64_t n = 3; n < 60; ++n) EXPECT_FALSE(db.write(n, n % 2 == 0).ok());
  }
}

TEST_F(LevelDbEnvTest, TheSyncOfALogThatIsClosedCounts) {
  MemoryEnv env(6);
  Numbers db(env);
  // The first sync after these writes is that of the full log, in LevelDB's destructor of it.
  env.fail_next_sync(MemoryEnv::SyncFault::kKeeps);
  std::uint64_t n = 1;
  while (n < 100 && db.write(n, false).ok()) ++n;
  EXPECT_LT(n, 100u);
  EXPECT_FALSE(db.write(n, true).ok());
}

TEST_F(LevelDbEnvTest, AFullDiskLeavesWhatWasWritten) {
  MemoryEnv env(8);
  std::uint64_t n = 0;
  {
    Numbers db(env);
    env.set_space(200 << 10);
    while (db.write(n + 1, false).ok()) ++n;
    ASSERT_GT(n, 10u);
  }
  env.crash(MemoryEnv::Crash::kProcess);
  env.set_space(100 << 20);
  Numbers db(env);
  ASSERT_TRUE(db.status().ok()) << db.status().ToString();
  EXPECT_EQ(db.last(), n);
  EXPECT_EQ(db.check(), "");
}

TEST_F(LevelDbEnvTest, OneDatabaseIsOpenOnce) {
  MemoryEnv env(9);
  Numbers first(env);
  ASSERT_TRUE(first.status().ok());
  Numbers second(env);
  EXPECT_FALSE(second.status().ok());
}

// Each prefix of a log is either whole or good up to where a fragment is cut.
TEST_F(LevelDbEnvTest, ATornLogIsGoodUpToItsLastWholeFragment) {
  MemoryEnv env(10);
  {
    Numbers db(env);
    for (std::uint64_t n = 1; n <= 15; ++n) ASSERT_TRUE(db.write(n, false).ok());
  }
  const auto file = *env.open(only_log(env), Env::Open::kWrite);
  std::uint64_t bytes = *file->size(), good = bytes;
  ASSERT_GT(bytes, 32u << 10);  // several blocks
  while (bytes > 0) {
    bytes -= std::min<std::uint64_t>(bytes, 97);
    ASSERT_TRUE(file->truncate(bytes));
    const auto check = check_leveldb_log(*file);
    ASSERT_TRUE(check);
    EXPECT_EQ(check->file_bytes, bytes);
    EXPECT_LE(check->good_bytes, bytes);
    EXPECT_LE(check->good_bytes, good);
    good = check->good_bytes;
  }
}

}  // namespace
}  // namespace everpost::storage
