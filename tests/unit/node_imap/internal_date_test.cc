#include "node/imap/fetch/internal_date.h"

#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

TEST(InternalDate, IsWrittenInUtcWithADayOfTwoPlaces) {
  const auto text = [](std::int64_t micros) {
    std::string text;
    append_internal_date(WallTime{micros}, text);
    return text;
  };
  EXPECT_EQ(text(0), "\" 1-Jan-1970 00:00:00 +0000\"");
  EXPECT_EQ(text(-1), "\"31-Dec-1969 23:59:59 +0000\"");
  EXPECT_EQ(text(951'782'399'999'999), "\"28-Feb-2000 23:59:59 +0000\"");
  EXPECT_EQ(text(951'868'799'000'000), "\"29-Feb-2000 23:59:59 +0000\"");
}

}  // namespace
}  // namespace everpost::node::imap
