#include "node/runtime/io_threads.h"

#include <future>
#include <gtest/gtest.h>

namespace everpost::node {
namespace {

asio::awaitable<void> wait_for_ever(std::shared_ptr<int> held, std::promise<void>& begun) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours{1});
  begun.set_value();
  co_await timer.async_wait(asio::use_awaitable);
  ++*held;
}

TEST(IoThreads, DestroyWhatTheyAbandonedWhenTold) {
  IoThreads threads(2);
  threads.start();
  const auto held = std::make_shared<int>(0);
  std::promise<void> begun;
  asio::co_spawn(threads.context(1), wait_for_ever(held, begun), asio::detached);
  begun.get_future().wait();
  threads.stop();
  EXPECT_GT(held.use_count(), 1);
  threads.discard();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

}  // namespace
}  // namespace everpost::node
