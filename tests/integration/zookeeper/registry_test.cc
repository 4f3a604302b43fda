// Nodes, who of them is there, and the feature level (docs/hazards.md, H8, H49).
#include "tests/integration/zookeeper/fixture.h"

namespace everpost::cluster {
namespace {

class Registry : public ZooKeeperTest {
 protected:
  static NodeRecord record(NodeId node, FeatureRange features = {1, 2}) {
    return {node, "127.0.0.1:" + to_string(node), "rack-" + to_string(node), "0.2.0", features};
  }
};

TEST_F(Registry, KnowsTheCluster) {
  const auto coordinator = open();
  EXPECT_EQ(coordinator->registry().cluster().error().code, ErrorCode::kNotFound);
  const Uuid id = random_uuid();
  ASSERT_TRUE(coordinator->registry().create_cluster(id, 1));
  EXPECT_EQ(coordinator->registry().cluster(), id);
  EXPECT_TRUE(coordinator->registry().create_cluster(id, 1));  // again
  EXPECT_EQ(coordinator->registry().create_cluster(random_uuid(), 1).error().code,
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(coordinator->registry().cluster(), id);
}

TEST_F(Registry, NodesComeStayKnownAndAreForgotten) {
  const auto first = open(NodeId{1});
  make_cluster(*first);
  std::atomic<int> changes{0};
  first->registry().on_change([&] { ++changes; });
  first->registry().announce(record(NodeId{1}));
  ASSERT_TRUE(soon([&] { return first->registry().registered(); }));
  ASSERT_TRUE(first->registry().members());  // watches from now on
  auto second = open(NodeId{2});
  second->registry().announce(record(NodeId{2}));
  ASSERT_TRUE(soon([&] { return second->registry().registered(); }));
  EXPECT_TRUE(soon([&] { return changes > 0; }));

  auto members = first->registry().members();
  ASSERT_TRUE(members) << to_string(members.error());
  ASSERT_EQ(members->size(), 2u);
  EXPECT_EQ((*members)[0].record, record(NodeId{1}));
  EXPECT_EQ((*members)[1].record, record(NodeId{2}));
  EXPECT_TRUE((*members)[0].live && (*members)[1].live);
  EXPECT_EQ(first->registry().forget(NodeId{2}).error().code, ErrorCode::kConflict);

  const int before = changes;
  second.reset();
  EXPECT_TRUE(soon([&] { return changes > before; }));
  members = first->registry().members();
  ASSERT_TRUE(members && members->size() == 2);
  EXPECT_FALSE((*members)[1].live);
  EXPECT_TRUE(first->registry().forget(NodeId{2}));
  EXPECT_EQ(first->registry().members()->size(), 1u);
}

TEST_F(Registry, TheFeatureLevelIsRaisedWhenAllNodesSupportIt) {
  const auto first = open(NodeId{1});
  const auto second = open(NodeId{2});
  make_cluster(*first);
  first->registry().announce(record(NodeId{1}, {1, 2}));
  second->registry().announce(record(NodeId{2}, {1, 1}));
  ASSERT_TRUE(soon([&] { return first->registry().registered(); }));
  ASSERT_TRUE(soon([&] { return second->registry().registered(); }));
  EXPECT_EQ(first->registry().feature_level(), 1u);
  const auto refused = first->registry().raise_feature_level(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().context.find("node 2"), std::string::npos) << refused.error().context;
  // Its program is replaced by a newer one.
  second->registry().announce(record(NodeId{2}, {1, 2}));
  ASSERT_TRUE(soon([&] { return second->registry().registered(); }));
  const auto raised = first->registry().raise_feature_level(2);
  ASSERT_TRUE(raised) << to_string(raised.error());
  EXPECT_EQ(second->registry().feature_level(), 2u);
  EXPECT_EQ(first->registry().raise_feature_level(2).error().code, ErrorCode::kInvalidArgument);
}

// The older of two processes with one node id has to go; the younger one is not told (H8).
TEST_F(Registry, OfTwoProcessesWithOneIdTheOlderIsTold) {
  std::atomic<int> older_told{0}, younger_told{0};
  auto older_options = options(NodeId{1}, ensemble().addresses());
  older_options.superseded = [&] { ++older_told; };
  ZooKeeperCoordinator older(older_options);
  make_cluster(older);
  older.registry().announce(record(NodeId{1}));
  ASSERT_TRUE(soon([&] { return older.registry().registered(); }));
  auto younger_options = options(NodeId{1}, ensemble().addresses());
  younger_options.superseded = [&] { ++younger_told; };
  ZooKeeperCoordinator younger(younger_options);
  younger.registry().announce(record(NodeId{1}));
  EXPECT_TRUE(soon([&] { return older_told == 1; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(older_told, 1);
  EXPECT_EQ(younger_told, 0);
}

TEST(NodeRecordText, RoundTripsAndRefusesEveryDamagedByte) {
  const NodeRecord record{NodeId{3}, "mx3.example.org:4190", "", "0.2.0", {1, 4}};
  const std::string text = encode(record);
  const auto back = decode_node_record(text);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(*back, record);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    EXPECT_FALSE(decode_node_record(damaged)) << "byte " << i;
  }
}

}  // namespace
}  // namespace everpost::cluster
