#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>

#include "base/asio.h"

namespace everpost {
namespace {

Task<int> failing(asio::any_io_executor pool) {
  co_return co_await run_on(pool, []() -> Result<int> { throw std::runtime_error("bad input"); });
}

TEST(RunOn, TurnsAnExceptionIntoAnError) {
  asio::io_context context;
  asio::thread_pool pool{1};
  std::optional<Result<int>> result;
  asio::co_spawn(context, failing(pool.get_executor()),
                 [&](std::exception_ptr, Result<int> value) { result.emplace(std::move(value)); });
  context.run();
  ASSERT_TRUE(result.has_value());
  ASSERT_FALSE(result->has_value());
  EXPECT_EQ(result->error().code, ErrorCode::kInternal);
  EXPECT_EQ(result->error().context, "exception: bad input");
}

}  // namespace
}  // namespace everpost
