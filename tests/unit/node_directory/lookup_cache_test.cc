#include "node/directory/lookup_cache.h"

#include <gtest/gtest.h>

namespace everpost::node {
namespace {

TEST(LookupCache, DropsTheLeastRecentlyUsed) {
  LookupCache<int> cache(8);
  for (int i = 0; i < 8; ++i) cache.put(std::to_string(i), 1, i);
  EXPECT_EQ(cache.get("0", 1), 0);
  cache.put("8", 1, 8);
  EXPECT_EQ(cache.get("0", 1), 0);
  EXPECT_EQ(cache.get("1", 1), std::nullopt);
  EXPECT_EQ(cache.get("8", 1), 8);
}

TEST(LookupCache, CountsWeights) {
  LookupCache<int> cache(16);
  for (int i = 0; i < 16; ++i) cache.put(std::to_string(i), 1, i);
  cache.put("heavy", 1, 100, 2);
  EXPECT_EQ(cache.get("heavy", 1), 100);
  EXPECT_EQ(cache.get("0", 1), std::nullopt);
  EXPECT_EQ(cache.get("1", 1), std::nullopt);
  EXPECT_EQ(cache.get("2", 1), 2);
}

TEST(LookupCache, KeepsNothingThatWouldDriveOutAllElse) {
  LookupCache<int> cache(16);
  cache.put("too heavy", 1, 1, 3);
  EXPECT_EQ(cache.get("too heavy", 1), std::nullopt);
}

TEST(LookupCache, ForgetsEverythingWithANewVersion) {
  LookupCache<int> cache(8);
  cache.put("a", 1, 1);
  EXPECT_EQ(cache.get("a", 2), std::nullopt);
  cache.put("b", 2, 2);
  EXPECT_EQ(cache.get("a", 2), std::nullopt);
  EXPECT_EQ(cache.get("b", 2), 2);
}

TEST(LookupCache, TakesNoAnswerOfAnOldVersion) {
  LookupCache<int> cache(8);
  cache.put("a", 2, 2);
  cache.put("b", 1, 1);
  EXPECT_EQ(cache.get("b", 1), std::nullopt);
  EXPECT_EQ(cache.get("b", 2), std::nullopt);
}

}  // namespace
}  // namespace everpost::node
