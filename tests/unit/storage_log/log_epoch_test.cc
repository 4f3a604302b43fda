// Which epochs a log takes records of, and what becomes of segments that got none.
#include "storage/log/log.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

constexpr Epoch kOne{1}, kTwo{2}, kFive{5};

class LogEpochs : public testing::Test {
 protected:
  void SetUp() override { open(); }
  // Opens the log anew, as after a kill.
  void open() {
    log_.reset();
    env_.crash(MemoryEnv::Crash::kProcess);
    auto opened = open_log(env_);
    ASSERT_OK(opened);
    log_ = std::move(opened->log);
    recovery_ = opened->recovery;
  }
  Lsn append(const std::string& meta, Epoch epoch = kOne) {
    const auto header = commit(*log_, epoch, record(meta));
    EXPECT_OK(header);
    return header ? header->lsn : Lsn{UINT64_MAX};
  }

  MemoryEnv env_;
  std::unique_ptr<Log> log_;
  LogRecovery recovery_;
};

TEST_F(LogEpochs, HoldsOneEpochInASegment) {
  append("a");
  append("b", kTwo);
  append("c", kTwo);
  const auto paths = segment_paths(env_);
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(paths[0], kFolder + "/0000000000000000-00000001.seg");
  EXPECT_EQ(paths[1], kFolder + "/0000000000000048-00000002.seg");
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(LogEpochs, AnEpochWithoutRecordsLeavesNoFile) {
  append("a");
  ASSERT_OK(log_->roll(kTwo));
  ASSERT_OK(log_->roll(kTwo));  // nothing to do
  ASSERT_OK(log_->roll(Epoch{3}));
  EXPECT_EQ(segment_paths(env_).size(), 2u);
  EXPECT_TRUE(segment_paths(env_)[1].ends_with("-00000003.seg"));
  open();
  EXPECT_EQ(recovery_.last_epoch, kOne);
  append("b", Epoch{3});
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b"}));
}

TEST_F(LogEpochs, FencesAnOlderEpoch) {
  append("a", kTwo);
  const NewRecord late = record("late");
  EXPECT_ERROR(kFenced, log_->append(kOne, Lsn{}, {&late, 1}));
  EXPECT_ERROR(kFenced, log_->roll(kOne));
  open();
  EXPECT_ERROR(kFenced, log_->append(kOne, Lsn{}, {&late, 1}));
  append("b", kTwo);
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b"}));
}

// A primary of epoch 5 dies before its first record is anywhere; the next one's log holds records
// of epoch 2, which this copy has not got.
TEST_F(LogEpochs, AnEpochWithoutRecordsFencesNobody) {
  for (const bool reopened : {true, false}) {
    SCOPED_TRACE(reopened ? "reopened" : "running");
    const Lsn at = append("a");
    ASSERT_OK(log_->roll(kFive));
    if (reopened) open();
    const NewRecord late = record("late");
    EXPECT_ERROR(kFenced, log_->append(Epoch{0}, Lsn{}, {&late, 1}));
    EXPECT_ERROR(kFenced, log_->roll(Epoch{0}));
    append("b", kTwo);
    EXPECT_EQ(segment_paths(env_).size(), 2u);
    EXPECT_TRUE(segment_paths(env_)[1].ends_with("-00000002.seg"));
    env_.crash(MemoryEnv::Crash::kPower);
    open();
    EXPECT_EQ(recovery_.last_epoch, kTwo);
    EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b"}));
    append("c", kFive);
    ASSERT_OK(log_->truncate(at));
    open();
  }
}

TEST_F(LogEpochs, ALogThatIsCutToItsBeginTakesAnyEpoch) {
  for (const bool reopened : {true, false}) {
    SCOPED_TRACE(reopened ? "reopened" : "running");
    append("a", kFive);
    ASSERT_OK(log_->truncate(Lsn{}));
    if (reopened) open();
    append("b", kTwo);
    EXPECT_EQ(segment_paths(env_),
              std::vector<std::string>{kFolder + "/0000000000000000-00000002.seg"});
    open();
    EXPECT_EQ(metas(*log_), std::vector<std::string>{"b"});
    ASSERT_OK(log_->truncate(Lsn{}));
  }
}

// The replacement of an empty segment, by one of an older epoch, is cut short anywhere.
TEST(LogEpochsRecovery, ReplacesAnEmptySegmentAsAWhole) {
  bool done = false;
  for (std::uint64_t stop = 1; !done; ++stop) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(stop) + ", seed " + std::to_string(seed));
      MemoryEnv env(seed);
      Lsn durable;
      {
        const auto log = open_log(env);
        ASSERT_OK(log);
        ASSERT_OK(commit(*log->log, kOne, record("a")));
        ASSERT_OK((*log)->roll(kFive));
        env.defer_background(true);  // making the next segment syncs the folder as well
        env.stop_at(env.operations() + stop);
        done = commit(*log->log, kTwo, record("b")).has_value();
        durable = (*log)->durable();
      }
      env.crash(seed % 2 ? MemoryEnv::Crash::kPower : MemoryEnv::Crash::kProcess,
                0.25 * static_cast<double>(seed % 5));
      const auto log = open_log(env, {.scan_from = {}, .durable_hint = durable});
      ASSERT_OK(log);
      std::vector<std::string> want = {"a"};
      if (done || metas(*log->log).size() > 1) want.push_back("b");
      EXPECT_EQ(metas(*log->log), want);
      ASSERT_OK(commit(*log->log, kTwo, record("c")));
      want.push_back("c");
      EXPECT_EQ(metas(*log->log), want);
      EXPECT_EQ((*log)->verify().value_or(std::vector<std::string>{"?"}),
                std::vector<std::string>{});
      EXPECT_EQ(segment_paths(env).size(), 2u);
    }
  }
}

}  // namespace
}  // namespace everpost::storage
