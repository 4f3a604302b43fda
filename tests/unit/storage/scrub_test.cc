// Rot is found, and where it is; what is whole, or was given back, is no finding.
#include "storage/replica/scrub.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "storage/env/posix_env.h"
#include "tests/unit/storage/replica_driver.h"
#include "tests/unit/storage/temp_folder.h"

namespace everpost::storage {
namespace {

using Step = Scrub::Step;

constexpr AccountId kAnna{1};
constexpr std::int64_t kWeek = 7 * 24 * 3'600'000'000ll;
constexpr WallTime kNow{100 * kWeek};

bool go_on(std::uint64_t, std::uint64_t) { return true; }

class ScrubTest : public testing::Test {
 public:
  ScrubTest() {
    log::open(log::Level::kError, "/dev/null");
    start();
  }
  void start() {
    const auto led = driver_.lead();
    ASSERT_TRUE(led) << to_string(led.error());
  }
  // Bodies of 20 kB: some complete segments of 256 KiB.
  void fill() {
    for (char letter = 'a'; letter <= 'z'; ++letter)
      ASSERT_TRUE(driver_.commit({driver_.delivery(kAnna, std::string(20'000, letter))}));
    ASSERT_GE(driver_.replica->log().stats().segments, 3u);
  }
  std::vector<Step> steps(WallTime now) {
    std::vector<Step> steps;
    do {
      const auto step = driver_.replica->scrub().step(now, go_on);
      EXPECT_TRUE(step) << to_string(step.error());
      steps.push_back(step.value_or(Step::kIdle));
    } while (steps.back() != Step::kIdle);
    return steps;
  }
  ScrubFindings findings() { return driver_.replica->scrub().findings(); }
  std::string segment(std::size_t n) {
    for (const std::string& name : *env_.list("shard-0007/log"))
      if (name.ends_with(".seg") && n-- == 0) return "shard-0007/log/" + name;
    return "";
  }

 protected:
  MemoryEnv env_;
  ReplicaDriver driver_{env_, ReplicaDriver::options()};
};

TEST_F(ScrubTest, ReadsAllOnceInAPeriod) {
  fill();
  const auto all = steps(kNow);
  EXPECT_EQ(all.front(), Step::kIndexPassDone);
  EXPECT_EQ(std::ranges::count(all, Step::kLogPassDone), 1);
  EXPECT_GE(std::ranges::count(all, Step::kSegment), 1);
  EXPECT_EQ(steps({kNow.micros + kWeek - 1}), std::vector{Step::kIdle});
  EXPECT_GT(steps({kNow.micros + kWeek}).size(), 2u);
  // The next process goes on where this one was.
  ASSERT_TRUE(driver_.replica->close());
  start();
  EXPECT_EQ(steps({kNow.micros + kWeek + 1}).back(), Step::kIdle);
  EXPECT_EQ(findings().count, 0u);
}

TEST_F(ScrubTest, FindsAFlippedBitAndSaysWhere) {
  fill();
  std::vector<Log::Finding> told;
  driver_.replica->scrub().on_finding([&](const auto& finding) { told.push_back(finding); });
  const Lsn rotten{30'000};  // in a body
  env_.flip_bit(segment(0), 4096 + rotten.value, 3);
  (void)steps(kNow);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_LE(told[0].at, rotten);
  EXPECT_GT(told[0].at + told[0].bytes, rotten);
  EXPECT_LT(told[0].bytes, 21'000u);
  EXPECT_NE(told[0].what.find("body"), std::string::npos);
  // It is a record, and can be fetched from another copy as such.
  EXPECT_TRUE(driver_.replica->log().read_header(told[0].at));
  EXPECT_TRUE(driver_.replica->log().read_header(told[0].at + told[0].bytes));
  EXPECT_EQ(findings().count, 1u);
  // Mended, it is found no more.
  env_.flip_bit(segment(0), 4096 + rotten.value, 3);
  (void)steps({kNow.micros + kWeek});
  EXPECT_EQ(findings().count, 1u);
}

TEST_F(ScrubTest, FindsABadSector) {
  fill();
  env_.fail_reads(segment(1), 60'000, 512);
  (void)steps(kNow);
  EXPECT_GE(findings().count, 1u);
}

TEST_F(ScrubTest, HolesAreNoFinding) {
  fill();
  const Log& log = driver_.replica->log();
  std::vector<Log::Range> dead;
  ASSERT_TRUE(log.scan(log.begin(), log.sealed_end(), [&](const Record& record) -> Result<bool> {
    if (record.header.body_bytes > 0)
      dead.push_back({record.header.body_at(), record.header.body_bytes});
    return dead.size() < 7;
  }));
  ASSERT_TRUE(driver_.replica->log().punch(std::span(dead).first(5), go_on));
  (void)steps(kNow);
  EXPECT_EQ(findings().count, 0u);
  // A hole that is not within a body is one.
  const Log::Range header[] = {
      {dead[5].at, static_cast<std::uint32_t>(dead[6].end() - dead[5].at)}};
  ASSERT_TRUE(driver_.replica->log().punch(header, go_on));
  (void)steps({kNow.micros + kWeek});
  EXPECT_GE(findings().count, 1u);
}

TEST_F(ScrubTest, StopsWhenTold) {
  fill();
  const auto stop = [](std::uint64_t, std::uint64_t) { return false; };
  (void)steps(kNow);
  const WallTime later{kNow.micros + kWeek};
  EXPECT_EQ(driver_.replica->scrub().step(later, stop).value_or(Step::kIdle), Step::kSegment);
  EXPECT_GT(steps(later).size(), 1u);
}

TEST_F(ScrubTest, FindsDamageInTheIndex) {
  fill();
  ASSERT_TRUE(driver_.replica->close());
  start();  // its changes are in a table now
  for (const std::string& name : *env_.list("shard-0007/index")) {
    if (!name.ends_with(".ldb")) continue;
    env_.flip_bit("shard-0007/index/" + name, 200, 1);
    break;
  }
  const auto step = driver_.replica->scrub().step(kNow, go_on);
  ASSERT_TRUE(step) << to_string(step.error());
  EXPECT_EQ(findings().count, 1u);
  EXPECT_FALSE(driver_.replica->checkpoint());  // the next start makes it anew
}

TEST(ScrubOnDisk, ReadsPastThePageCache) {
  const TempFolder folder;
  PosixEnv env;
  std::string text;
  for (std::uint64_t i = 0; i < 100'000; ++i) append_le(text, i);
  text.resize(text.size() - 3);
  ASSERT_TRUE(write_file_atomically(env, folder / "file", as_bytes(text)));
  const auto file = env.open(folder / "file", Env::Open::kReadUncached);
  ASSERT_TRUE(file) << to_string(file.error());
  for (const std::uint64_t offset : {0u, 1u, 4095u, 4096u, 300'001u, 799'990u, 900'000u}) {
    for (const std::size_t bytes : {1u, 4096u, 5000u, 600'000u}) {
      std::string got(bytes, '\0');
      const auto n = (*file)->read(offset, std::as_writable_bytes(std::span(got)));
      ASSERT_TRUE(n) << to_string(n.error());
      got.resize(*n);
      EXPECT_EQ(got, offset < text.size() ? text.substr(offset, bytes) : "") << offset;
    }
  }
}

}  // namespace
}  // namespace everpost::storage
