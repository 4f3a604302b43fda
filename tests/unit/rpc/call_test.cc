#include <boost/asio/experimental/awaitable_operators.hpp>

#include "tests/unit/rpc/nodes.h"

namespace everpost::rpc {
namespace {

constexpr NodeId kOne{1}, kTwo{2};
constexpr Method kEcho = 1, kFail = 2, kSlow = 3;
constexpr Micros kSecond = std::chrono::seconds{1};
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

Task<std::string> echo(NodeId from, std::string payload) {
  co_return to_string(from) + ":" + payload;
}
Task<std::string> fail(NodeId, std::string payload) {
  co_return Error{ErrorCode::kOverQuota, payload};
}
Task<std::string> slow(NodeId, std::string) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::seconds{3});
  co_await timer.async_wait(asio::use_awaitable);
  co_return "late";
}

class CallTest : public testing::Test {
 protected:
  void SetUp() override {
    introduce({&*one_, &*two_});
    two_->transport->serve(kEcho, threads_.executor(), echo);
    two_->transport->serve(kFail, threads_.executor(), fail);
    two_->transport->serve(kSlow, threads_.executor(), slow);
    ASSERT_TRUE(one_->wait_connected(kTwo));
  }
  Result<std::string> call(Method method, std::string payload, Micros timeout = 10 * kSecond,
                           NodeId peer = kTwo) {
    return threads_.await(one_->transport->call(peer, method, std::move(payload), timeout));
  }

  Authority authority_;
  Threads threads_;
  std::optional<TestNode> one_{authority_.options(kOne)};
  std::optional<TestNode> two_{authority_.options(kTwo)};
};

TEST_F(CallTest, ReturnsWhatTheHandlerAnswers) { EXPECT_EQ(call(kEcho, "hi"), "1:hi"); }

TEST_F(CallTest, CarriesLargePayloads) {
  const std::string large(20 << 20, 'x');
  EXPECT_EQ(call(kEcho, large), "1:" + large);
  EXPECT_EQ(call(kEcho, std::string((32 << 20) + 1, 'x')).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(call(kEcho, std::string(32 << 20, 'x')).error().code, ErrorCode::kTooLarge);
}

TEST_F(CallTest, CarriesTheHandlersError) {
  const auto answer = call(kFail, "why not");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kOverQuota);
  EXPECT_EQ(answer.error().context, "node 2: why not");
}

TEST_F(CallTest, OfAMethodThatNobodyServesIsUnsupported) {
  EXPECT_EQ(call(99, "").error().code, ErrorCode::kUnsupported);
}

TEST_F(CallTest, EndsAtItsDeadline) {
  const auto start = Clock::now();
  EXPECT_EQ(call(kSlow, "", milliseconds{50}).error().code, ErrorCode::kTimeout);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds{2});
  EXPECT_EQ(call(kEcho, "goes on"), "1:goes on");
}

TEST_F(CallTest, ToAPeerWithoutALinkFailsAtOnce) {
  two_.reset();
  ASSERT_TRUE(one_->wait_unlinked(kTwo));
  const auto start = Clock::now();
  EXPECT_EQ(call(kEcho, "").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(call(kEcho, "", kSecond, NodeId{9}).error().code, ErrorCode::kUnavailable);
  EXPECT_LT(Clock::now() - start, milliseconds{500});
}

TEST_F(CallTest, FailsAtOnceWhenThePeerDies) {
  std::thread killer([this] {
    std::this_thread::sleep_for(milliseconds{50});
    two_.reset();
  });
  const auto start = Clock::now();
  EXPECT_EQ(call(kSlow, "").error().code, ErrorCode::kClosed);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds{2});
  killer.join();
}

TEST_F(CallTest, FailsWhenTheCallersTransportStops) {
  std::thread stopper([this] {
    std::this_thread::sleep_for(milliseconds{50});
    one_->transport->stop();
  });
  EXPECT_EQ(call(kSlow, "").error().code, ErrorCode::kClosed);
  stopper.join();
  EXPECT_EQ(call(kEcho, "").error().code, ErrorCode::kClosed);
}

TEST_F(CallTest, CanBeGivenUp) {
  using namespace asio::experimental::awaitable_operators;
  const auto race = [](Transport& transport) -> Task<std::string> {
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds{50});
    const auto first = co_await (transport.call(kTwo, kSlow, "", 10 * kSecond) ||
                                 timer.async_wait(asio::use_awaitable));
    co_return first.index() == 1 ? "timer" : "call";
  };
  const auto start = Clock::now();
  EXPECT_EQ(threads_.await(race(*one_->transport)), "timer");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds{2});
}

TEST_F(CallTest, ManyAtOnceGetTheirOwnAnswers) {
  constexpr int kCalls = 2000;
  std::atomic<int> right{0}, left{kCalls};
  for (int i = 0; i < kCalls; ++i)
    asio::co_spawn(threads_.executor(),
                   one_->transport->call(kTwo, kEcho, std::to_string(i), 30 * kSecond,
                                         i % 2 ? Channel::kCall : Channel::kBulk),
                   [&, i](std::exception_ptr, Result<std::string> answer) {
                     if (answer && *answer == "1:" + std::to_string(i)) ++right;
                     --left;
                   });
  for (int i = 0; i < 3000 && left > 0; ++i) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_EQ(right, kCalls);
  EXPECT_EQ(left, 0);
}

TEST_F(CallTest, TooManyAtOnceAreRefused) {
  Options few = authority_.options(kOne);
  few.limits.calls_max = 3;
  one_.reset();
  one_.emplace(few);
  introduce({&*one_, &*two_});
  ASSERT_TRUE(one_->wait_connected(kTwo));
  std::atomic<int> busy{0}, left{5};
  for (int i = 0; i < 5; ++i)
    asio::co_spawn(threads_.executor(), one_->transport->call(kTwo, kSlow, "", milliseconds{500}),
                   [&](std::exception_ptr, Result<std::string> answer) {
                     if (answer.error().code == ErrorCode::kBusy) ++busy;
                     --left;
                   });
  for (int i = 0; i < 1000 && left > 0; ++i) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_EQ(busy, 2);
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace everpost::rpc
