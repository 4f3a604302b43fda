#include "cluster/router/retry_schedule.h"

#include <gtest/gtest.h>

namespace everpost::cluster {
namespace {

using std::chrono::seconds;

const RetrySchedule::Time kNow{std::chrono::hours{1}};

TEST(RetrySchedule, WaitsTwiceAsLongEachTimeUpToFiveMinutes) {
  RetrySchedule schedule;
  for (const int want : {2, 4, 8, 16, 32, 64, 128, 256, 300, 300})
    EXPECT_EQ(schedule.failed(7, kNow), seconds{want});
  for (int i = 0; i < 100; ++i) schedule.failed(7, kNow);
  EXPECT_EQ(schedule.failed(7, kNow), seconds{300});
}

TEST(RetrySchedule, GivesEachEntryOnceWhenItsTimeHasCome) {
  RetrySchedule schedule;
  schedule.failed(2, kNow + seconds{1});
  schedule.failed(1, kNow);
  schedule.failed(3, kNow);
  EXPECT_EQ(schedule.next(), kNow + seconds{2});
  EXPECT_TRUE(schedule.due(kNow + seconds{1}, 10).empty());
  EXPECT_EQ(schedule.due(kNow + seconds{2}, 1), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(schedule.due(kNow + seconds{3}, 10), (std::vector<std::uint64_t>{3, 2}));
  EXPECT_TRUE(schedule.due(kNow + seconds{9}, 10).empty());
  EXPECT_EQ(schedule.next(), std::nullopt);
}

TEST(RetrySchedule, KeepsProgressUntilTheEntryIsDone) {
  RetrySchedule schedule;
  schedule.progress(1)[ShardId{2}].staged = 5;
  schedule.failed(1, kNow);
  EXPECT_EQ(schedule.due(kNow + seconds{2}, 10).size(), 1u);
  EXPECT_EQ(schedule.progress(1)[ShardId{2}].staged, 5u);
  schedule.done(1);
  EXPECT_EQ(schedule.progress(1)[ShardId{2}].staged, 0u);
  EXPECT_EQ(schedule.failed(1, kNow), seconds{2});
}

TEST(RetrySchedule, IsFullWithTenThousandEntries) {
  RetrySchedule schedule;
  for (std::uint64_t id = 0; id < RetrySchedule::kEntriesMax; ++id) schedule.failed(id, kNow);
  EXPECT_TRUE(schedule.full());
  schedule.done(5);
  EXPECT_FALSE(schedule.full());
}

}  // namespace
}  // namespace everpost::cluster
