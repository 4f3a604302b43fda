#include "cluster/placement/place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "cluster/coordinator/transition.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr NodeId kOne{1}, kTwo{2}, kThree{3}, kFour{4}, kFive{5};

std::vector<PlacedNode> nodes_in(const std::vector<std::string>& zones) {
  std::vector<PlacedNode> nodes;
  for (const std::string& zone : zones)
    nodes.push_back({.id = NodeId{static_cast<std::uint32_t>(nodes.size() + 1)}, .zone = zone});
  return nodes;
}

void lose(std::vector<PlacedNode>& nodes, NodeId id, Micros away = 2h) {
  const auto node = std::ranges::find(nodes, id, &PlacedNode::id);
  node->live = false;
  node->away = away;
}

CopyId copy(NodeId node) {
  CopyId id{node, {}};
  id.disk[0] = static_cast<Uuid::value_type>(node.value);
  return id;
}

PlacedShard shard(std::uint32_t id, std::vector<NodeId> replicas, const std::vector<NodeId>& isr,
                  std::uint8_t min_isr = 2) {
  PlacedShard shard;
  shard.id = ShardId{id};
  shard.version = 7;
  shard.config.epoch = Epoch{3};
  shard.config.replicas = std::move(replicas);
  shard.config.min_isr = min_isr;
  for (const NodeId node : isr) shard.config.isr.push_back(copy(node));
  if (!isr.empty()) shard.config.primary = isr.front();
  return shard;
}

std::vector<PlacementChange> checked(const std::vector<PlacedNode>& nodes,
                                     const std::vector<PlacedShard>& shards,
                                     const PlacementSettings& settings = {}) {
  auto changes = replace_lost(nodes, shards, settings);
  std::map<NodeId, int> added;
  for (const PlacementChange& change : changes) {
    const auto legal =
        check_transition(change.shard.config, change.to, copy(kOne), Transition::kPlacement);
    EXPECT_TRUE(legal) << to_string(legal.error());
    if (change.added != NodeId{0}) {
      EXPECT_EQ(++added[change.added], 1);
    }
  }
  EXPECT_LE(added.size(), kCopiesUnderWayMax);
  return changes;
}

TEST(Spread, FirstCopiesGoAroundAndAllAreEven) {
  EXPECT_THAT(spread(nodes_in({"", "", ""}), 3, 3),
              ElementsAre(ElementsAre(kOne, kTwo, kThree), ElementsAre(kTwo, kOne, kThree),
                          ElementsAre(kThree, kOne, kTwo)));
  for (std::size_t count = 1; count <= 6; ++count)
    for (unsigned copies = 1; copies <= std::min<std::size_t>(3, count); ++copies)
      for (unsigned shards = 1; shards <= 12; ++shards) {
        const auto all = spread(nodes_in(std::vector<std::string>(count)), shards, copies);
        ASSERT_EQ(all.size(), shards);
        std::map<NodeId, unsigned> has, leads;
        for (const auto& replicas : all) {
          EXPECT_EQ(std::set(replicas.begin(), replicas.end()).size(), copies);
          ++leads[replicas.front()];
          for (const NodeId node : replicas) ++has[node];
        }
        for (const auto& [node, led] : leads) EXPECT_LE(led, (shards + count - 1) / count);
        for (const auto& [node, held] : has)
          EXPECT_LE(held, (shards * copies + count - 1) / count + 1) << count << copies << shards;
      }
}

TEST(Spread, CopiesAreInDifferentZones) {
  const auto nodes = nodes_in({"a", "a", "b", "b"});
  for (const auto& replicas : spread(nodes, 8, 2))
    EXPECT_NE(nodes[replicas[0].value - 1].zone, nodes[replicas[1].value - 1].zone);
  // Three copies in two zones: both zones have one.
  for (const auto& replicas : spread(nodes, 8, 3)) {
    std::set<std::string> zones;
    for (const NodeId node : replicas) zones.insert(nodes[node.value - 1].zone);
    EXPECT_EQ(zones.size(), 2u);
  }
}

TEST(ReplaceLost, NothingToDo) {
  auto nodes = nodes_in({"", "", "", ""});
  const auto one = shard(1, {kOne, kTwo, kThree}, {kOne, kTwo, kThree});
  EXPECT_TRUE(checked(nodes, {one}).empty());
  const auto two = shard(1, {kOne, kTwo, kThree}, {kOne, kTwo});
  lose(nodes, kThree, 59min);
  EXPECT_TRUE(checked(nodes, {two}).empty()) << "it may come back";
  lose(nodes, kThree);
  EXPECT_TRUE(checked(nodes, {two}, {.replace_after = 0us}).empty()) << "switched off";
  lose(nodes, kFour);
  EXPECT_TRUE(checked(nodes, {two}).empty()) << "nobody is left to take it";
  EXPECT_TRUE(checked(nodes_in({"", ""}), {shard(1, {kOne, kTwo}, {})}).empty()) << "not begun";
}

TEST(ReplaceLost, AnotherNodeTakesThePlace) {
  auto nodes = nodes_in({"", "", "", ""});
  lose(nodes, kOne);
  const auto changes = checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kTwo, kThree})});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(changes[0].to.replicas, ElementsAre(kFour, kTwo, kThree));
  EXPECT_EQ(changes[0].added, kFour);
  EXPECT_EQ(changes[0].removed, kOne);
}

TEST(ReplaceLost, WaitsUntilThePrimaryHasDroppedIt) {
  auto nodes = nodes_in({"", "", "", ""});
  lose(nodes, kThree);
  EXPECT_TRUE(checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kOne, kTwo, kThree})}).empty());
}

TEST(ReplaceLost, AMemberThatCannotBeDroppedIsSwapped) {
  auto nodes = nodes_in({"", "", ""});
  lose(nodes, kTwo);
  const auto changes = checked(nodes, {shard(1, {kOne, kTwo}, {kOne, kTwo})});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(changes[0].to.replicas, ElementsAre(kOne, kTwo, kThree));
  // The new one catches up: the core swaps them.
  EXPECT_TRUE(checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kOne, kTwo})}).empty());
  // Then nobody else is there to take the lost one's place: it stays listed.
  EXPECT_TRUE(checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kOne, kThree})}).empty());
}

TEST(ReplaceLost, AnotherZoneFirstThenTheFewestCopies) {
  auto nodes = nodes_in({"a", "b", "c", "a", "c"});
  lose(nodes, kThree);
  auto changes = checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kOne, kTwo}),
                                 shard(2, {kFive, kTwo, kOne}, {kFive, kTwo, kOne})});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].added, kFive) << "four would be in the zone of one";
  nodes = nodes_in({"", "", "", "", ""});
  lose(nodes, kThree);
  changes = checked(nodes, {shard(1, {kOne, kTwo, kThree}, {kOne, kTwo}),
                            shard(2, {kFour, kTwo, kOne}, {kFour, kTwo, kOne})});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].added, kFive);
}

TEST(ReplaceLost, FewCopiesAtATime) {
  auto nodes = nodes_in({"", "", "", "", ""});
  lose(nodes, kThree);
  std::vector<PlacedShard> shards;
  for (std::uint32_t id = 1; id <= 9; ++id)
    shards.push_back(shard(id, {kOne, kTwo, kThree}, {kOne, kTwo}));
  EXPECT_EQ(checked(nodes, shards).size(), 2u) << "one on each of the two nodes that are left";
  shards[0] = shard(1, {kOne, kTwo, kFour}, {kOne, kTwo});
  const auto changes = checked(nodes, shards);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].added, kFive) << "four is busy";
}

TEST(ReplaceLost, TheDirectoryIsOnEveryNode) {
  auto nodes = nodes_in({"", "", "", ""});
  const auto directory = shard(0, {kOne, kTwo, kThree}, {kOne, kTwo, kThree});
  auto changes = checked(nodes, {directory});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(changes[0].to.replicas, ElementsAre(kOne, kTwo, kThree, kFour));
  nodes[3].live = false;
  EXPECT_TRUE(checked(nodes, {directory}).empty()) << "not there yet";
  nodes = nodes_in({"", "", ""});
  lose(nodes, kThree);
  const auto without = shard(0, {kOne, kTwo, kThree}, {kOne, kTwo});
  EXPECT_TRUE(checked(nodes, {without}).empty()) << "it belongs to the cluster";
  nodes[2].registered = false;
  EXPECT_TRUE(checked(nodes, {directory}).empty()) << "in sync";
  changes = checked(nodes, {without});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(changes[0].to.replicas, ElementsAre(kOne, kTwo));
}

// However small clusters lose a node: every step is legal, and in the end no copy is on it.
TEST(ReplaceLost, EndsWithAllCopiesElsewhere) {
  for (std::uint32_t count = 2; count <= 6; ++count)
    for (unsigned copies = 1; copies < count && copies <= 3; ++copies)
      for (std::uint32_t gone = 1; gone <= count; ++gone) {
        auto nodes = nodes_in(std::vector<std::string>(count));
        std::vector<PlacedShard> shards;
        for (const auto& replicas : spread(nodes, 6, copies))
          shards.push_back(shard(static_cast<std::uint32_t>(shards.size() + 1), replicas, replicas,
                                 copies >= 3 ? 2 : 1));
        lose(nodes, NodeId{gone});
        for (int round = 0; round < 30; ++round) {
          for (PlacedShard& one : shards) {  // as the primaries do
            if (one.config.isr.size() > one.config.min_isr)
              std::erase_if(one.config.isr, [&](const CopyId& c) { return c.node.value == gone; });
            for (const NodeId node : one.config.replicas)
              if (node.value != gone && !one.config.in_isr(node))
                one.config.isr.push_back(copy(node));
          }
          for (const PlacementChange& change : checked(nodes, shards))
            shards[change.shard.id.value - 1].config = change.to;
        }
        for (const PlacedShard& one : shards) {
          // The only copy is lost with its node: it stays where it is until an operator decides.
          if (copies == 1 && one.config.in_isr(NodeId{gone})) continue;
          EXPECT_FALSE(one.config.in_replicas(NodeId{gone})) << count << ' ' << copies;
          EXPECT_EQ(one.config.replicas.size(), copies);
        }
      }
}

TEST(NextReturn, AfterAWhileOneAtATime) {
  const PlacementSettings settings;
  const LedForAnother back{ShardId{2}, kTwo, 5min, 61s, true};
  EXPECT_FALSE(next_return({}, {}, settings));
  ASSERT_TRUE(next_return({back}, {}, settings));
  EXPECT_EQ(next_return({back}, {}, settings)->shard, ShardId{2});
  EXPECT_FALSE(next_return({back}, 1s, settings)) << "another is just being handed over";
  EXPECT_TRUE(next_return({back}, 3s, settings));
  EXPECT_FALSE(next_return({back}, {}, {.return_after = 0us}));
  const LedForAnother fresh{ShardId{1}, kTwo, 5min, 59s, true};
  EXPECT_FALSE(next_return({fresh}, {}, settings));
  EXPECT_EQ(next_return({fresh, back}, {}, settings)->shard, ShardId{2});
}

TEST(NextReturn, WhatWasSwitchedOnPurposeStaysForAWhile) {
  EXPECT_FALSE(next_return({{ShardId{1}, kTwo, 59min, 59min, false}}, {}, {}));
  EXPECT_TRUE(next_return({{ShardId{1}, kTwo, 61min, 61min, false}}, {}, {}));
}

TEST(Settings, OfTheDirectory) {
  EXPECT_EQ(placement_settings({}), PlacementSettings{});
  std::string bad;
  const auto settings = placement_settings(
      {{"placement.return_after", "5"}, {"placement.replace_after", "1h"}, {"x", "y"}}, &bad);
  EXPECT_EQ(settings.return_after, 5s);
  EXPECT_EQ(settings.replace_after, 1h);
  EXPECT_EQ(bad, "placement.replace_after");
}

}  // namespace
}  // namespace everpost::cluster
