// What a clock that jumps does to the times in the logs.
#include "cluster/log_time.h"

#include <gtest/gtest.h>

#include "tests/unit/cluster/test_clock.h"

namespace everpost::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST(LogTime, NeverGoesBack) {
  TestClock clock;
  LogTime time(clock);
  const WallTime first = time.now();
  clock.jump(hours{-48});
  EXPECT_EQ(time.now(), first);
  time.saw(WallTime{first.micros + 7});
  EXPECT_EQ(time.now().micros, first.micros + 7);
  clock.jump(hours{49});
  EXPECT_EQ(time.now(), clock.wall());
}

TEST(LogTime, IsNotTrustedForADayAfterTheClockJumpedAhead) {
  TestClock clock;
  LogTime time(clock);
  clock.pass(hours{100});
  EXPECT_TRUE(time.trusted());
  clock.jump(minutes{59});
  EXPECT_TRUE(time.trusted());
  clock.jump(minutes{2});
  EXPECT_FALSE(time.trusted());
  clock.pass(hours{23});
  EXPECT_FALSE(time.trusted());
  clock.pass(hours{1});
  EXPECT_TRUE(time.trusted());
  clock.pass(hours{1});
  EXPECT_TRUE(time.trusted());
}

TEST(LogTime, IsTrustedAgainOnceTheClockIsSetBack) {
  TestClock clock;
  LogTime time(clock);
  clock.jump(hours{30});
  EXPECT_FALSE(time.trusted());
  clock.jump(hours{-30});
  EXPECT_TRUE(time.trusted());
  // A clock that was ahead from the start is measured from where it was set to.
  clock.jump(hours{-30});
  EXPECT_TRUE(time.trusted());
  clock.jump(hours{2});
  EXPECT_FALSE(time.trusted());
}

}  // namespace
}  // namespace everpost::cluster
