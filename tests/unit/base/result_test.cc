#include "base/result.h"

#include <gtest/gtest.h>
#include <memory>

#include "base/clock.h"
#include "base/random.h"

namespace everpost {
namespace {

Result<std::unique_ptr<int>> make(bool ok) {
  if (!ok) return Error{ErrorCode::kNoSpace, "make"};
  return std::make_unique<int>(7);
}
Result<int> use(bool ok) {
  ASSIGN_OR_RETURN(const auto made, make(ok));  // moves what cannot be copied
  RETURN_IF_ERROR(make(ok));
  return *made;
}

TEST(Result, HandsErrorsUp) {
  EXPECT_EQ(use(true).value_or(0), 7);
  const auto failed = use(false);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kNoSpace);
}

TEST(Error, TellsItsContextAndCode) {
  const Error error = in_context("open shard 7", Error{ErrorCode::kCorrupt, "bad record"});
  EXPECT_EQ(to_string(error), "open shard 7: bad record [corrupt]");
}

TEST(Error, HasANameForEveryCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code)
    EXPECT_NE(to_string(static_cast<ErrorCode>(code)), "unknown") << code;
}

TEST(Random, DiffersFromCallToCall) {
  EXPECT_NE(random_u64(), random_u64());
  EXPECT_NE(random_uuid(), random_uuid());
}

TEST(SystemClock, SteadyTimeDoesNotGoBack) {
  const Micros before = system_clock().steady();
  EXPECT_LE(before, system_clock().steady());
  EXPECT_GT(system_clock().wall().micros, 1'600'000'000'000'000);
}

}  // namespace
}  // namespace everpost
