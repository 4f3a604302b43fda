#include "node/smtp/minimum_rate.h"

#include <gtest/gtest.h>
#include <vector>

namespace everpost::node::smtp {
namespace {

using std::chrono::minutes;

TEST(MinimumRate, OfEachStretch) {
  struct Look {
    minutes at;
    std::uint64_t received;
    bool want;
  };
  struct Case {
    const char* name;
    std::vector<Look> looks;
  };
  const std::uint64_t enough = 5 * kBytesPerMinute;
  const Case cases[] = {
      {"nothing is asked of the first minutes", {{minutes{4}, 0, true}}},
      {"a trickle ends with the stretch", {{minutes{5}, enough - 1, false}}},
      {"the rate itself will do", {{minutes{5}, enough, true}, {minutes{10}, 2 * enough, true}}},
      {"bytes of an earlier stretch do not count",
       {{minutes{5}, 100 * enough, true}, {minutes{10}, 100 * enough + 1, false}}},
      {"a longer stretch needs more", {{minutes{9}, enough, false}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const MinimumRate::TimePoint began{};
    MinimumRate rate(began);
    for (const Look& look : c.looks)
      EXPECT_EQ(rate.fast_enough(began + look.at, look.received), look.want);
  }
}

}  // namespace
}  // namespace everpost::node::smtp
