#include "node/imap/session/view.h"

#include <gmock/gmock.h>
#include <random>

namespace everpost::node::imap {
namespace {

using storage::UidSet;

std::vector<Uid> uids(std::initializer_list<std::uint32_t> values) {
  std::vector<Uid> result;
  for (const std::uint32_t value : values) result.emplace_back(value);
  return result;
}
UidSet set(std::initializer_list<std::uint32_t> values) { return UidSet::of(uids(values)); }
UidSet range(std::uint32_t first, std::uint32_t last) {
  UidSet result;
  result.add(Uid{first}, Uid{last});
  return result;
}

TEST(View, MapsSequenceNumbersAndUids) {
  const View view(uids({3, 4, 5, 9, 20, 21}));
  EXPECT_EQ(view.size(), 6u);
  EXPECT_EQ(view.last(), Uid{21});
  EXPECT_EQ(view.uid_at(1), Uid{3});
  EXPECT_EQ(view.uid_at(4), Uid{9});
  EXPECT_EQ(view.uid_at(6), Uid{21});
  EXPECT_EQ(view.seq_of(Uid{5}), 3u);
  EXPECT_EQ(view.seq_of(Uid{21}), 6u);
  for (const std::uint32_t missing : {1u, 2u, 6u, 10u, 22u})
    EXPECT_EQ(view.seq_of(Uid{missing}), std::nullopt) << missing;
}

TEST(View, OfAnEmptyMailboxHasNothing) {
  const View view;
  EXPECT_EQ(view.size(), 0u);
  EXPECT_EQ(view.last(), Uid{0});
  EXPECT_EQ(view.count_from(Uid{1}), 0u);
  EXPECT_TRUE(view.all().empty());
  EXPECT_TRUE(view.uids_of({{{1, SequenceSet::kStar}}}).empty());
  EXPECT_FALSE(view.names_unknown({{{1, SequenceSet::kStar}}}));
  EXPECT_TRUE(view.names_unknown({{{1, 1}}}));
}

TEST(View, CountsFromAUid) {
  const View view(uids({3, 4, 5, 9, 20}));
  EXPECT_EQ(view.count_from(Uid{1}), 5u);
  EXPECT_EQ(view.count_from(Uid{4}), 4u);
  EXPECT_EQ(view.count_from(Uid{6}), 2u);
  EXPECT_EQ(view.count_from(Uid{20}), 1u);
  EXPECT_EQ(view.count_from(Uid{21}), 0u);
}

TEST(View, ExpungesInDescendingOrderWithTheNumbersAsTheyWere) {
  View view(uids({3, 4, 5, 9, 20, 21}));
  EXPECT_THAT(view.remove(set({1, 4, 9, 21, 30})), testing::ElementsAre(6, 4, 2));
  EXPECT_EQ(view.all(), set({3, 5, 20}));
  EXPECT_EQ(view.seq_of(Uid{20}), 3u);
  EXPECT_EQ(view.uid_at(2), Uid{5});
  view.append(Uid{21});
  EXPECT_EQ(view.seq_of(Uid{21}), 4u);
}

TEST(View, ResolvesSequenceSets) {
  const View view(uids({3, 4, 5, 9, 20, 21}));
  constexpr auto kStar = SequenceSet::kStar;
  EXPECT_EQ(view.uids_of({{{1, 1}}}), set({3}));
  EXPECT_EQ(view.uids_of({{{3, 5}}}), set({5, 9, 20}));
  EXPECT_EQ(view.uids_of({{{5, 3}}}), set({5, 9, 20}));
  EXPECT_EQ(view.uids_of({{{1, kStar}}}), view.all());
  EXPECT_EQ(view.uids_of({{{kStar, kStar}}}), set({21}));
  EXPECT_EQ(view.uids_of({{{6, 6}, {1, 2}}}), set({3, 4, 21}));
  EXPECT_EQ(view.uids_of({{{5, 100}}}), set({20, 21}));
  EXPECT_TRUE(view.names_unknown({{{5, 100}}}));
  EXPECT_FALSE(view.names_unknown({{{6, kStar}}}));
}

TEST(View, FindsTheUidsThatAClientNames) {
  const View view(uids({3, 4, 5, 9, 20, 21}));
  EXPECT_EQ(view.uids_named({{{1, 9}}}), set({3, 4, 5, 9}));
  EXPECT_EQ(view.uids_named({{{10, 19}}}), UidSet{});
  // RFC 3501 §6.4.8: the largest is always in "559:*".
  EXPECT_EQ(view.uids_named({{{559, SequenceSet::kStar}}}), set({21}));
  EXPECT_EQ(view.seqs_of(set({4, 9, 10})), set({2, 4}));
}

TEST(View, AgreesWithAPlainListWhateverHappens) {
  std::mt19937 random(4711);
  for (int round = 0; round < 50; ++round) {
    View view;
    std::vector<Uid> list;
    std::uint32_t next = 1;
    for (int step = 0; step < 30; ++step) {
      for (auto n = random() % 20; n-- > 0;) {
        next += 1 + random() % 3 / 2;
        view.append(Uid{next});
        list.emplace_back(next);
      }
      UidSet gone;
      for (auto n = random() % 8; n-- > 0;) {
        const std::uint32_t first = 1 + random() % (next + 3);
        gone.add(Uid{first}, Uid{first + static_cast<std::uint32_t>(random() % 4)});
      }
      std::vector<std::uint32_t> expected;
      for (std::size_t i = list.size(); i-- > 0;) {
        if (!gone.contains(list[i])) continue;
        expected.push_back(static_cast<std::uint32_t>(i) + 1);
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
      }
      ASSERT_EQ(view.remove(gone), expected);
      ASSERT_EQ(view.size(), list.size());
      ASSERT_EQ(view.all(), UidSet::of(list));
      for (std::size_t i = 0; i < list.size(); ++i) {
        const auto seq = static_cast<std::uint32_t>(i) + 1;
        ASSERT_EQ(view.uid_at(seq), list[i]);
        ASSERT_EQ(view.seq_of(list[i]), seq);
        ASSERT_EQ(view.count_from(list[i]), list.size() - i);
      }
    }
  }
}

TEST(UidSets, AreTakenApart) {
  UidSet all = range(1, 10);
  all.add(Uid{20});
  all.add(Uid{UINT32_MAX - 2}, Uid{UINT32_MAX});
  Batches batches(all);
  EXPECT_EQ(batches.next(4), range(1, 4));
  EXPECT_EQ(batches.next(6), range(5, 10));
  EXPECT_EQ(batches.next(2), set({20, UINT32_MAX - 2}));
  EXPECT_FALSE(batches.done());
  EXPECT_EQ(batches.next(6), range(UINT32_MAX - 1, UINT32_MAX));
  EXPECT_TRUE(batches.done());
  EXPECT_EQ(batches.next(6), UidSet());
  EXPECT_TRUE(Batches({}).done());
}

// Where every second message is gone, each UID is a range: taken in time that is linear.
TEST(UidSets, OfManyHolesAreTakenApartQuickly) {
  UidSet all;
  for (std::uint32_t uid = 1; uid < 1'000'000; uid += 2) all.add(Uid{uid});
  std::uint64_t count = 0;
  for (Batches batches(all); !batches.done();) count += batches.next(10).count();
  EXPECT_EQ(count, 500'000U);
}

TEST(UidSets, HaveDifferencesAndWhatIsCommon) {
  struct Case {
    UidSet a, b, difference, common;
  };
  const UidSet all = range(1, UINT32_MAX);
  const Case cases[] = {
      {range(1, 10), range(3, 4), set({1, 2, 5, 6, 7, 8, 9, 10}), range(3, 4)},
      {range(1, 10), range(1, 10), {}, range(1, 10)},
      {range(1, 10), {}, range(1, 10), {}},
      {{}, range(1, 10), {}, {}},
      {set({1, 3, 5}), range(2, 4), set({1, 5}), set({3})},
      {range(5, 9), all, {}, range(5, 9)},
      {all, range(2, UINT32_MAX), set({1}), range(2, UINT32_MAX)},
      {set({1, 2, 8, 9}), set({2, 8}), set({1, 9}), set({2, 8})},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.a.to_string() + " and " + c.b.to_string());
    EXPECT_EQ(difference(c.a, c.b), c.difference);
    EXPECT_EQ(common(c.a, c.b), c.common);
  }
}

}  // namespace
}  // namespace everpost::node::imap
