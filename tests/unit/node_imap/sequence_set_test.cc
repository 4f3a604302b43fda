#include "node/imap/syntax/sequence_set.h"

#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

constexpr std::uint32_t kStar = SequenceSet::kStar;

TEST(SequenceSet, ResolvesWhatAClientWrites) {
  struct Case {
    std::vector<SequenceSet::Range> ranges;
    std::uint32_t largest;
    const char* want;
  };
  const Case cases[] = {
      {{{1, 1}}, 10, "1"},
      {{{5, 7}, {2, 2}, {3, 6}}, 10, "2:7"},
      {{{4, 2}}, 10, "2:4"},
      {{{kStar, kStar}}, 10, "10"},
      {{{3, kStar}}, 10, "3:10"},
      {{{12, kStar}}, 10, "10:12"},  // the largest is in it (RFC 3501 §6.4.8)
      {{{1, kStar}, {5, 5}}, 0, "5"},
      {{{1, 4294967295U}}, 10, "1:4294967295"},
  };
  for (const Case& c : cases) {
    const SequenceSet set{c.ranges};
    EXPECT_EQ(set.resolve(c.largest).to_string(), c.want);
    for (std::uint32_t n = 1; n < 20; ++n)
      EXPECT_EQ(set.contains(n, c.largest), set.resolve(c.largest).contains(Uid{n})) << n;
  }
}

}  // namespace
}  // namespace everpost::node::imap
