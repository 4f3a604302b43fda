#include "storage/machine/uid_set.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

namespace everpost::storage {
namespace {

TEST(UidSet, RangesThatTouchBecomeOne) {
  struct Case {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    const char* want;
  };
  const Case cases[] = {
      {{}, ""},
      {{{5, 5}}, "5"},
      {{{1, 3}, {7, 7}}, "1:3,7"},
      {{{7, 7}, {1, 3}}, "1:3,7"},
      {{{1, 3}, {4, 6}}, "1:6"},
      {{{4, 6}, {1, 3}}, "1:6"},
      {{{1, 3}, {5, 7}, {4, 4}}, "1:7"},
      {{{1, 10}, {3, 4}}, "1:10"},
      {{{3, 4}, {1, 10}}, "1:10"},
      {{{1, 2}, {5, 6}, {9, 10}, {2, 9}}, "1:10"},
      {{{4294967295, 4294967295}, {4294967294, 4294967294}}, "4294967294:4294967295"},
      {{{1, 4294967295}, {7, 7}}, "1:4294967295"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.want);
    UidSet set;
    for (const auto& [first, last] : c.ranges) set.add(Uid{first}, Uid{last});
    EXPECT_EQ(set.to_string(), c.want);
  }
}

TEST(UidSet, HoldsWhatAPlainSetHolds) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    UidSet set;
    std::set<std::uint32_t> plain;
    for (int i = 0; i < 20; ++i) {
      const std::uint32_t first = random() % 60 + 1, last = first + random() % 6;
      set.add(Uid{first}, Uid{last});
      for (std::uint32_t uid = first; uid <= last; ++uid) plain.insert(uid);
    }
    EXPECT_EQ(set.count(), plain.size());
    for (std::uint32_t uid = 1; uid < 70; ++uid)
      EXPECT_EQ(set.contains(Uid{uid}), plain.contains(uid)) << uid;
  }
}

TEST(UidSet, OfUnsortedUidsWithRepeats) {
  EXPECT_EQ(UidSet::of({Uid{9}, Uid{2}, Uid{1}, Uid{2}, Uid{3}}).to_string(), "1:3,9");
}

TEST(UidSet, CountsRangesThatFill32Bits) {
  UidSet set;
  set.add(Uid{1}, Uid{4294967295});
  EXPECT_EQ(set.count(), 4294967295u);
  EXPECT_FALSE(set.contains(Uid{0}));
}

}  // namespace
}  // namespace everpost::storage
