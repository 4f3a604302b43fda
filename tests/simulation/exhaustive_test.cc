#include "tests/simulation/exhaustive.h"

#include <gtest/gtest.h>

namespace everpost::simulation {
namespace {

using enum Beginning;

TEST(Exhaustive, NothingCanGoWrongWithinSmallBudgets) {
  // operations, compare-and-sets, crashes, drops, timeouts, unknowns
  const Search all[] = {
      {kJoining, {1, 1, 0, 0, 0, 0}},
      {kJoining, {2, 1, 0, 0, 0, 0}},
      {kJoining, {1, 1, 0, 1, 0, 0}},
      {kInSync, {2, 1, 0, 1, 0, 0}},
  };
  for (const Search& search : all) {
    SCOPED_TRACE(describe(search));
    const Explored explored = explore(search);
    EXPECT_FALSE(explored.failure) << *explored.failure;
    EXPECT_TRUE(explored.complete);
  }
}

TEST(Exhaustive, NothingIsFoundInTheBeginningOfLargeOnes) {
  for (const Beginning beginning : {kInSync, kJoining})
    for (const std::uint64_t order : {0, 1, 2}) {
      const Search search{beginning, {2, 2, 1, 2, 3, 1}, 50'000, order};
      SCOPED_TRACE(describe(search));
      const Explored explored = explore(search);
      EXPECT_FALSE(explored.failure) << *explored.failure;
      EXPECT_EQ(explored.states, search.states_max);
    }
}

// A takeover while the new primary's disk was still busy led to handshakes without an end: a way of
// 22,000 moves, of which a time-out was one.
TEST(Exhaustive, NobodyTalksForEver) {
  const Explored explored = explore({kInSync, {1, 1, 0, 0, 1, 0}, 3'000'000});
  EXPECT_FALSE(explored.failure);
  EXPECT_TRUE(explored.complete);
  EXPECT_LT(explored.depth, 100);
}

TEST(Exhaustive, OfTheSameSearchIsTheSame) {
  const Search search{kJoining, {2, 2, 1, 2, 3, 1}, 10'000, 7};
  EXPECT_EQ(explore(search).transitions, explore(search).transitions);
}

TEST(Exhaustive, FindsPlantedBugs) {
  const struct {
    Bug bug;
    Beginning beginning;
    Budget budget;
    const char* property;
  } cases[] = {
      {Bug::kCommitWithoutUnion, kJoining, {1, 1, 0, 0, 0, 0}, "I3"},
      {Bug::kExtendEarly, kJoining, {1, 1, 0, 0, 0, 0}, "I3"},
      {Bug::kAckBeforeSync, kInSync, {0, 0, 0, 0, 0, 0}, "I3"},
      {Bug::kRestartResumesEpoch, kInSync, {0, 0, 1, 0, 0, 0}, "I1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(name_of(c.bug));
    Search search{c.beginning, c.budget};
    EXPECT_FALSE(explore(search).failure);
    search.bug = c.bug;
    const Explored explored = explore(search);
    ASSERT_TRUE(explored.failure);
    EXPECT_TRUE(explored.failure->starts_with(c.property)) << *explored.failure;
  }
}

}  // namespace
}  // namespace everpost::simulation
