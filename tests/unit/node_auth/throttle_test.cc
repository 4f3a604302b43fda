#include "node/auth/throttle.h"

#include <gtest/gtest.h>

namespace everpost::node {
namespace {

using std::chrono::seconds;
using Wait = Throttle::Wait;

constexpr Throttle::Time kStart{seconds{1000}};

Fingerprint attempt(unsigned char n) {
  Fingerprint result{};
  result[0] = n;
  return result;
}

TEST(Throttle, LetsAFewMistakesPassAndThenWaitsLongerEachTime) {
  Throttle throttle;
  std::vector<Wait> waits;
  for (unsigned char i = 0; i < 10; ++i) {
    waits.push_back(throttle.enter("192.0.2.1", "a@example.test", kStart).value());
    if (waits.back() > Wait{0}) throttle.leave("192.0.2.1");
    throttle.failed("192.0.2.1", "a@example.test", attempt(i), kStart);
  }
  EXPECT_EQ(waits, (std::vector<Wait>{Wait{0}, Wait{0}, Wait{0}, Wait{500}, Wait{1000}, Wait{2000},
                                      Wait{4000}, Wait{8000}, Wait{10000}, Wait{10000}}));
}

TEST(Throttle, ForgetsAsTimePasses) {
  Throttle throttle;
  for (unsigned char i = 0; i < 4; ++i) throttle.failed("192.0.2.1", "", attempt(i), kStart);
  EXPECT_EQ(throttle.enter("192.0.2.1", "", kStart), Wait{1000});
  EXPECT_EQ(throttle.enter("192.0.2.1", "", kStart + Throttle::kForgetOne), Wait{500});
  EXPECT_EQ(throttle.enter("192.0.2.1", "", kStart + 2 * Throttle::kForgetOne), Wait{0});
}

TEST(Throttle, CountsARepeatedAttemptOnce) {
  Throttle throttle;
  for (int i = 0; i < 100; ++i) throttle.failed("192.0.2.1", "a@x", attempt(7), kStart);
  EXPECT_EQ(throttle.enter("192.0.2.1", "a@x", kStart), Wait{0});
}

TEST(Throttle, CountsEveryScramFailure) {
  Throttle throttle;
  for (int i = 0; i < 3; ++i) throttle.failed("192.0.2.1", "a@x", std::nullopt, kStart);
  EXPECT_EQ(throttle.enter("192.0.2.1", "a@x", kStart), Wait{500});
}

TEST(Throttle, NeverKeepsAnAccountsOwnerOutForLong) {
  Throttle throttle;
  for (unsigned char i = 0; i < 100; ++i)
    throttle.failed("192.0.2." + std::to_string(i), "a@x", attempt(i), kStart);
  EXPECT_EQ(throttle.enter("198.51.100.1", "a@x", kStart), Throttle::kLoginWaitMax);
  EXPECT_EQ(throttle.enter("198.51.100.1", "b@x", kStart), Wait{0});
}

TEST(Throttle, RefusesWhenTooManyWaitFromOneAddress) {
  Throttle throttle;
  for (unsigned char i = 0; i < 5; ++i) throttle.failed("192.0.2.1", "", attempt(i), kStart);
  for (unsigned i = 0; i < Throttle::kWaitingPerSourceMax; ++i)
    EXPECT_TRUE(throttle.enter("192.0.2.1", "", kStart));
  EXPECT_FALSE(throttle.enter("192.0.2.1", "", kStart));
  throttle.leave("192.0.2.1");
  EXPECT_TRUE(throttle.enter("192.0.2.1", "", kStart));
}

TEST(Throttle, CountsAnIpv6NetworkAsOneSource) {
  EXPECT_EQ(throttle_source("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(throttle_source("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(throttle_source("2001:db8:1:2:3:4:5:6"), throttle_source("2001:db8:1:2::1"));
  EXPECT_NE(throttle_source("2001:db8:1:2::1"), throttle_source("2001:db8:1:3::1"));
  EXPECT_EQ(throttle_source(""), "");
}

TEST(Throttle, DoesNotCountLoopbackAsASource) {
  for (const char* address : {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"})
    EXPECT_EQ(throttle_source(address), "") << address;
  Throttle throttle;
  for (unsigned char i = 0; i < 10; ++i) throttle.failed("", "a@x", attempt(i), kStart);
  EXPECT_EQ(throttle.enter("", "b@x", kStart), Wait{0});
  EXPECT_EQ(throttle.enter("", "a@x", kStart), Throttle::kLoginWaitMax);
}

TEST(LruMap, StaysSmall) {
  LruMap<int, int> map(2);
  map.at(1) = 10;
  map.at(2) = 20;
  ASSERT_TRUE(map.find(1));
  map.at(3) = 30;
  EXPECT_EQ(map.size(), 2u);
  EXPECT_FALSE(map.find(2));
  EXPECT_EQ(*map.find(1), 10);
  map.erase(1);
  EXPECT_FALSE(map.find(1));
}

}  // namespace
}  // namespace everpost::node
