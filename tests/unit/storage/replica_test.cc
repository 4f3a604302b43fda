#include "storage/replica/replica.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "storage/env/posix_env.h"
#include "storage/index/hint_file.h"
#include "tests/unit/storage/replica_driver.h"
#include "tests/unit/storage/temp_folder.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnna{1};
const std::string kFolder = "shard-0007";

class ReplicaTest : public testing::Test {
 public:
  ReplicaTest() { log::open(log::Level::kError, "/dev/null"); }

  void lead() {
    const auto led = driver_.lead();
    ASSERT_TRUE(led) << to_string(led.error());
  }
  void deliver(const std::string& message) {
    const auto applied = driver_.commit({driver_.delivery(kAnna, message)});
    ASSERT_TRUE(applied) << to_string(applied.error());
    const auto& outcome = std::get<MailOutcome>(applied->at(0).outcome);
    ASSERT_FALSE(outcome.error) << to_string(*outcome.error);
    sent_.push_back(message);
  }
  void expect_all() {
    const auto found = driver_.inbox(kAnna);
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(*found, sent_);
    const auto findings = driver_.replica->verify();
    ASSERT_TRUE(findings) << to_string(findings.error());
    EXPECT_TRUE(findings->empty()) << findings->front();
  }
  void crash(MemoryEnv::Crash kind = MemoryEnv::Crash::kProcess) {
    env_.stop_at(env_.operations() + 1);  // the process is gone: it writes nothing in its end
    driver_.replica.reset();
    env_.crash(kind);
    if (kind == MemoryEnv::Crash::kPower) driver_.reboot();
  }
  void expect_refused(ErrorCode code, const std::string& because) {
    const auto led = driver_.lead();
    ASSERT_FALSE(led);
    EXPECT_EQ(led.error().code, code);
    EXPECT_NE(led.error().context.find(because), std::string::npos) << led.error().context;
  }
  std::vector<std::string> files(const std::string& folder, const std::string& ending) {
    std::vector<std::string> found;
    const auto names = *env_.list(kFolder + "/" + folder);
    for (const std::string& name : names)
      if (name.ends_with(ending)) found.push_back(kFolder + "/" + folder + "/" + name);
    return found;
  }
  void flip_middle(const std::string& path) {
    const std::uint64_t bytes = *(*env_.open(path, Env::Open::kRead))->size();
    env_.flip_bit(path, bytes / 2, 0);
  }
  // Some messages, of which an LevelDB table has those before the last start.
  void fill() {
    lead();
    for (int i = 0; i < 20; ++i) deliver("message " + std::to_string(i));
    crash();
    lead();
    deliver("after the crash");
  }

  MemoryEnv env_{1};
  ReplicaDriver driver_{env_, ReplicaDriver::options()};
  std::vector<std::string> sent_;
};

TEST_F(ReplicaTest, IsMadeOnceAndFoundAgain) {
  lead();
  EXPECT_TRUE(driver_.recovery.created);
  const Uuid disk = driver_.replica->disk();
  deliver("hello");
  ASSERT_TRUE(driver_.replica->close());
  const Lsn end = driver_.replica->log().end();
  ASSERT_TRUE(driver_.open());
  EXPECT_FALSE(driver_.recovery.created);
  EXPECT_TRUE(driver_.recovery.clean);
  EXPECT_TRUE(driver_.recovery.same_boot);
  EXPECT_EQ(driver_.recovery.replayed, 0u);
  EXPECT_EQ(driver_.recovery.applied, end);
  EXPECT_EQ(driver_.replica->applied(), end);
  EXPECT_EQ(driver_.replica->disk(), disk);
  EXPECT_EQ(driver_.replica->reign().epoch, Epoch{1});
  expect_all();
}

TEST_F(ReplicaTest, HasEverythingAfterACrash) {
  for (const auto kind : {MemoryEnv::Crash::kProcess, MemoryEnv::Crash::kPower}) {
    lead();
    for (int i = 0; i < 10; ++i) deliver("message " + std::to_string(i));
    crash(kind);
    lead();
    EXPECT_FALSE(driver_.recovery.clean);
    EXPECT_EQ(driver_.recovery.same_boot, kind == MemoryEnv::Crash::kProcess);
    expect_all();
  }
}

TEST_F(ReplicaTest, AppliesOnlyWhatIsKnownToBeCommittedWhenItIsOpened) {
  lead();
  ASSERT_TRUE(driver_.append({driver_.delivery(kAnna, "first")}));
  const Lsn first_end = driver_.replica->log().end();
  ASSERT_TRUE(driver_.append({driver_.delivery(kAnna, "second")}));  // says: the first is committed
  crash();
  ASSERT_TRUE(driver_.open());
  EXPECT_EQ(driver_.replica->applied(), first_end);
  EXPECT_EQ(driver_.recovery.replayed, 1u);
  EXPECT_EQ(*driver_.inbox(kAnna), std::vector<std::string>{"first"});
  ASSERT_TRUE(driver_.apply_tail());
  EXPECT_EQ(*driver_.inbox(kAnna), (std::vector<std::string>{"first", "second"}));
}

TEST_F(ReplicaTest, ComesToTheSameStateHoweverRecordsAreGrouped) {
  lead();
  std::vector<NewRecord> group;
  for (int i = 0; i < 30; ++i) group.push_back(driver_.delivery(kAnna, "m" + std::to_string(i)));
  ASSERT_TRUE(driver_.commit(group));
  const CheckpointMark mark = driver_.replica->mark();
  crash();
  for (const std::string& path : files("index", "")) ASSERT_TRUE(env_.remove(path));
  ASSERT_TRUE(driver_.open());  // knows the commit point before the group only
  std::vector<Record> tail;
  ASSERT_TRUE(driver_.replica->log().scan(driver_.replica->applied(), driver_.replica->log().end(),
                                          [&](const Record& record) -> Result<bool> {
                                            tail.push_back(record);
                                            return true;
                                          }));
  EXPECT_EQ(tail.size(), 30u);
  for (const Record& record : tail) ASSERT_TRUE(driver_.replica->apply(std::span(&record, 1)));
  EXPECT_EQ(driver_.replica->mark(), mark);
}

TEST_F(ReplicaTest, IsOpenInOneProcess) {
  lead();
  ReplicaDriver second(env_, ReplicaDriver::options());
  const auto opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kBusy);
}

TEST_F(ReplicaTest, OfAnotherShardIsRefused) {
  lead();
  ASSERT_TRUE(driver_.replica->close());
  driver_.replica.reset();
  const struct {
    const char* name;
    void (*change)(ReplicaOptions&);
    const char* because;
  } cases[] = {
      {"cluster", [](ReplicaOptions& o) { o.cluster[0] = std::byte{0}; }, "of cluster c1c1"},
      {"shard", [](ReplicaOptions& o) { o.shard = ShardId{8}; }, "of shard 7, not shard 8"},
      {"kind", [](ReplicaOptions& o) { o.kind = ShardKind::kDirectory; }, "of a mail shard"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ReplicaOptions options = ReplicaDriver::options();
    c.change(options);
    ReplicaDriver other(env_, options);
    const auto opened = other.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(opened.error().context.find(c.because), std::string::npos) << opened.error().context;
  }
  lead();
}

TEST_F(ReplicaTest, WithoutItsMetaIsRefused) {
  lead();
  deliver("hello");
  crash();
  const std::string meta = *read_file(env_, kFolder + "/meta", 4096);
  ASSERT_TRUE(env_.remove(kFolder + "/meta"));
  expect_refused(ErrorCode::kCorrupt, "meta: missing, though there is a log");
  ASSERT_TRUE(write_file_atomically(env_, kFolder + "/meta", as_bytes(meta)));
  env_.flip_bit(kFolder + "/meta", 20, 1);
  expect_refused(ErrorCode::kCorrupt, "meta: checksum mismatch");
  env_.flip_bit(kFolder + "/meta", 20, 1);
  lead();
  expect_all();
}

TEST_F(ReplicaTest, KeepsTheHighestEpoch) {
  lead();
  ASSERT_TRUE(driver_.replica->set_reign(reign_of(Epoch{9})));
  EXPECT_EQ(driver_.replica->set_reign(reign_of(Epoch{8})).error().code, ErrorCode::kFenced);
  ASSERT_TRUE(driver_.replica->set_reign(reign_of(Epoch{9})));
  crash(MemoryEnv::Crash::kPower);
  ASSERT_TRUE(driver_.open());
  EXPECT_EQ(driver_.replica->reign().epoch, Epoch{9});
}

// ---- a damaged index

TEST_F(ReplicaTest, MakesADamagedIndexAnew) {
  const struct {
    const char* name;
    void (*damage)(ReplicaTest& test);
  } cases[] = {
      {"a table", [](ReplicaTest& t) { t.flip_middle(t.files("index", ".ldb").at(0)); }},
      {"the manifest",
       [](ReplicaTest& t) {
         for (const std::string& path : t.files("index", ""))
           if (path.find("MANIFEST") != std::string::npos) t.flip_middle(path);
       }},
      {"no CURRENT",
       [](ReplicaTest& t) { ASSERT_TRUE(t.env_.remove(kFolder + "/index/CURRENT")); }},
      {"a missing table",
       [](ReplicaTest& t) { ASSERT_TRUE(t.env_.remove(t.files("index", ".ldb").at(0))); }},
      {"nothing is left",
       [](ReplicaTest& t) {
         for (const std::string& path : t.files("index", "")) ASSERT_TRUE(t.env_.remove(path));
         ASSERT_TRUE(t.env_.remove_folder(kFolder + "/index"));
       }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    fill();
    const auto before = driver_.replica->mark();
    crash();
    c.damage(*this);
    ASSERT_TRUE(driver_.open());
    // What is damaged within a table is found when that part of it is read.
    if (!driver_.replica->verify()->empty()) {
      EXPECT_FALSE(driver_.recovery.index_rebuilt);
      EXPECT_FALSE(driver_.replica->checkpoint());
      crash();
      ASSERT_TRUE(driver_.open());
    }
    EXPECT_TRUE(driver_.recovery.index_rebuilt || driver_.recovery.applied == Lsn{});
    ASSERT_TRUE(driver_.apply_tail());
    EXPECT_EQ(driver_.replica->mark(), before);
    expect_all();
    crash();
  }
}

TEST_F(ReplicaTest, GoesOnWithAnIndexWhoseMakingWasInterrupted) {
  fill();
  crash();
  ASSERT_TRUE(env_.remove(kFolder + "/index/CURRENT"));
  for (std::uint64_t at = 1; at < 400; at += 3) {
    env_.stop_at(env_.operations() + at);
    const bool opened = driver_.open().has_value();
    driver_.replica.reset();
    env_.crash(MemoryEnv::Crash::kPower);
    driver_.reboot();
    if (opened) break;
  }
  lead();
  expect_all();
}

TEST_F(ReplicaTest, StopsApplyingWhenAReaderFindsDamage) {
  fill();
  flip_middle(files("index", ".ldb").at(0));
  // The table's block may be cached; a reader that reads everything finds it at the latest.
  const auto findings = driver_.replica->verify();
  ASSERT_TRUE(findings);
  ASSERT_EQ(findings->size(), 1u);
  const auto applied = driver_.commit({driver_.delivery(kAnna, "more")});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(driver_.replica->checkpoint());
  sent_.push_back("more");  // it was committed
  crash();
  lead();
  EXPECT_TRUE(driver_.recovery.index_rebuilt);
  expect_all();
}

TEST_F(ReplicaTest, ComparesItsStateWithACheckpointMark) {
  lead();
  deliver("hello");
  ASSERT_TRUE(driver_.commit({driver_.mark(driver_.replica->mark())}));
  deliver("still the same");
  CheckpointMark old = driver_.replica->mark();
  old.applied = Lsn{8};  // says nothing about the state in front of it
  old.digest.low = 1;
  ASSERT_TRUE(driver_.commit({driver_.mark(old)}));

  CheckpointMark wrong = driver_.replica->mark();
  wrong.digest.low ^= 1;
  const Lsn at = driver_.replica->log().end();
  const auto applied = driver_.commit({driver_.mark(wrong)});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(applied.error().context.find("shard 7"), std::string::npos);
  EXPECT_NE(applied.error().context.find("LSN " + to_string(at)), std::string::npos);
  crash();
  // The index is made anew, and then it is the mark that is wrong: nothing is served.
  expect_refused(ErrorCode::kCorrupt, "says it has to be");
}

// ---- a damaged log

TEST_F(ReplicaTest, WhoseLogLostItsEndIsRefused) {
  lead();
  deliver("hello");
  ASSERT_TRUE(driver_.replica->close());
  const Lsn end = driver_.replica->log().end();
  driver_.replica.reset();
  const auto segment = *env_.open(files("log", ".seg").back(), Env::Open::kWrite);
  const auto bytes = *segment->size();
  ASSERT_TRUE(segment->truncate(4096));
  ASSERT_TRUE(segment->truncate(bytes));
  expect_refused(ErrorCode::kCorrupt, to_string(end));
}

TEST_F(ReplicaTest, ServesNoMessageOfDamagedBytes) {
  lead();
  for (int i = 0; i < 40; ++i) deliver(std::string(10'000, static_cast<char>('a' + i % 26)));
  ASSERT_GE(files("log", ".seg").size(), 2u);
  env_.flip_bit(files("log", ".seg").front(), 150'000, 4);
  const auto read = driver_.inbox(kAnna);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  const auto findings = driver_.replica->verify();
  ASSERT_TRUE(findings);
  EXPECT_FALSE(findings->empty());
}

TEST_F(ReplicaTest, NeitherLogNorIndexSoundIsRefused) {
  lead();
  for (int i = 0; i < 40; ++i) deliver(std::string(10'000, static_cast<char>('a' + i % 26)));
  crash();
  env_.flip_bit(files("log", ".seg").front(), 150'000, 4);
  ASSERT_TRUE(env_.remove(kFolder + "/index/CURRENT"));
  const std::size_t index_files = files("index", "").size();
  expect_refused(ErrorCode::kCorrupt, "bad record at lsn");
  EXPECT_EQ(files("index", "").size(), index_files);  // nothing was thrown away
  env_.flip_bit(files("log", ".seg").front(), 150'000, 4);
  lead();
  expect_all();
}

TEST_F(ReplicaTest, StopsAtRecordsOfANewerProgram) {
  lead();
  NewRecord record = driver_.delivery(kAnna, "from the future");
  record.feature_level = 2;
  const auto applied = driver_.commit({record});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kUnsupported);
  crash();
  expect_refused(ErrorCode::kUnsupported, "record of type 5 at LSN");
}

// ---- a record that kills the process (H48)

class PoisonTest : public ReplicaTest {
 protected:
  // Leaves the folder as a process does that dies while applying the record at `first`.
  void die_applying(Lsn first, Lsn end) {
    ASSERT_TRUE((*HintFile::open(env_, kFolder + "/applying"))->write({first.value, end.value}));
    crash();
  }
  // A record that is in the log and not applied.
  void append() {
    lead();
    deliver("before");
    const auto headers = driver_.append({driver_.delivery(kAnna, "poison")});
    ASSERT_TRUE(headers);
    first_ = headers->at(0).lsn;
    end_ = headers->at(0).end();
    sent_.push_back("poison");
  }
  Lsn first_, end_;
};

TEST_F(PoisonTest, IsNotAppliedAThirdTime) {
  append();
  die_applying(first_, end_);
  ASSERT_TRUE(driver_.open());
  die_applying(first_, end_);
  expect_refused(ErrorCode::kCorrupt, "record at LSN " + to_string(first_));
  expect_refused(ErrorCode::kCorrupt, "remove shard-0007/applying");
  ASSERT_TRUE(env_.remove(kFolder + "/applying"));
  lead();
  expect_all();
}

TEST_F(PoisonTest, IsForgottenOnceItWasApplied) {
  append();
  die_applying(first_, end_);
  lead();
  expect_all();
  die_applying(first_, end_);  // an old hint: the index has the record
  lead();
  lead();
  expect_all();
}

TEST_F(PoisonTest, IsNotSuspectedWithoutADeathWhileApplying) {
  append();
  die_applying(first_, end_);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(driver_.open());  // and it dies of something else, again and again
    crash();
  }
  lead();
  expect_all();
}

TEST_F(PoisonTest, IsLookedForOneByOneInAGroup) {
  append();
  die_applying(Lsn{first_}, end_ + 8);  // a group that began with it
  ASSERT_TRUE(driver_.open());
  die_applying(first_, end_);
  ASSERT_TRUE(driver_.open());
  die_applying(first_, end_);
  expect_refused(ErrorCode::kCorrupt, "died 2 times");
}

TEST_F(PoisonTest, IsNotSuspectedAfterAPowerLoss) {
  append();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE((*HintFile::open(env_, kFolder + "/applying"))->write({first_.value, end_.value}));
    ASSERT_TRUE((*HintFile::open(env_, kFolder + "/applying"))->sync());
    crash(MemoryEnv::Crash::kPower);
    ASSERT_TRUE(driver_.open());
  }
  lead();
  expect_all();
}

// ---- on the operating system

TEST(ReplicaOnDisk, IsFoundAgain) {
  log::open(log::Level::kError, "/dev/null");
  const TempFolder folder;
  PosixEnv env;
  ReplicaOptions options = ReplicaDriver::options();
  options.folder = folder / "shard-0007";
  options.boot = {};
  ReplicaDriver driver(env, options);
  std::vector<std::string> sent;
  for (int start = 0; start < 4; ++start) {
    ASSERT_TRUE(driver.lead());
    EXPECT_EQ(driver.recovery.clean, start == 2);
    EXPECT_TRUE(driver.recovery.same_boot);
    if (start > 0) EXPECT_EQ(*driver.inbox(kAnna), sent);
    for (int i = 0; i < 20; ++i) {
      sent.push_back("message " + std::to_string(sent.size()));
      ASSERT_TRUE(driver.commit({driver.delivery(kAnna, sent.back())}));
    }
    ASSERT_TRUE(driver.replica->checkpoint());
    EXPECT_TRUE(driver.replica->verify()->empty());
    if (start == 1) ASSERT_TRUE(driver.replica->close());
  }
  driver.replica.reset();
  std::filesystem::remove_all(options.folder + "/index");
  ASSERT_TRUE(driver.lead());
  EXPECT_EQ(*driver.inbox(kAnna), sent);
}

// ---- the directory

TEST(DirectoryReplica, KeepsItsState) {
  log::open(log::Level::kError, "/dev/null");
  MemoryEnv env(2);
  ReplicaDriver driver(env, ReplicaDriver::options(ShardKind::kDirectory));
  ASSERT_TRUE(driver.lead());
  AddAccount add;
  add.address = "anna@example.org";
  add.shard = ShardId{1};
  const auto applied = driver.commit(
      {driver.record(DirectoryTxn{driver.new_op(), "test", {AddDomain{"example.org"}}}),
       driver.record(DirectoryTxn{driver.new_op(), "test", {add}})});
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->size(), 2u);
  EXPECT_FALSE(std::get<DirectoryOutcome>(applied->at(1).outcome).error);
  EXPECT_FALSE(driver.replica->mail_reader());
  driver.replica.reset();
  env.crash(MemoryEnv::Crash::kPower);
  driver.reboot();
  ASSERT_TRUE(driver.lead());
  EXPECT_EQ((*driver.replica->directory_reader())->account("anna@example.org")->id, AccountId{1});
  EXPECT_TRUE(driver.replica->verify()->empty());
}

}  // namespace
}  // namespace everpost::storage
