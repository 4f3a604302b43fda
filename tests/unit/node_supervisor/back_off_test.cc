#include "node/supervisor/back_off.h"

#include <gtest/gtest.h>

namespace everpost::node {
namespace {

using namespace std::chrono_literals;

TEST(BackOff, BeginsAtOnceThenDoublesUpToItsLongest) {
  BackOff back_off;
  EXPECT_EQ(back_off.next(0s), 0ms);
  EXPECT_EQ(back_off.next(0s), 100ms);
  EXPECT_EQ(back_off.next(59s), 200ms);
  for (int n = 0; n < 20; ++n) (void)back_off.next(0s);
  EXPECT_EQ(back_off.next(0s), 30s);
}

TEST(BackOff, BeginsAnewAfterAMinuteOfHealth) {
  BackOff back_off;
  for (int n = 0; n < 5; ++n) (void)back_off.next(0s);
  EXPECT_EQ(back_off.next(60s), 0ms);
  EXPECT_EQ(back_off.next(0s), 100ms);
}

}  // namespace
}  // namespace everpost::node
