// What nodes tell each other for an administrator, and what is made of it.
#include <gtest/gtest.h>

#include "cluster/control/cluster_view.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

using Digest = CopyView::Digest;
using replication::Role;

CopyReport copy_of(Role role, Lsn applied, std::string digest) {
  CopyReport copy;
  copy.shard = ShardId{2};
  copy.role = role;
  copy.epoch = Epoch{4};
  copy.open = role == Role::kPrimary;
  copy.led = copy.in_sync = true;
  copy.commit = copy.durable = copy.applied = applied;
  copy.digest = std::move(digest);
  copy.config_version = 9;
  copy.primary = NodeId{1};
  copy.replicas = copy.isr = {NodeId{1}, NodeId{2}, NodeId{3}};
  copy.min_isr = 2;
  return copy;
}

Control::NodeView node(std::uint32_t id, std::optional<CopyReport> copy) {
  Control::NodeView view;
  view.known.node = NodeId{id};
  if (copy)
    view.report = NodeReport{NodeId{id}, "0.2.0", Micros{5}, {*std::move(copy)}};
  else
    view.no_answer = "down";
  return view;
}

TEST(ControlWire, RequestsAreReadAsTheyWereWritten) {
  const std::string bytes[] = {
      encode(ControlRequest(ReportRequest{})), encode(ControlRequest(CopiesRequest{ShardId{7}})),
      encode(ControlRequest(EventsRequest{ShardId{7}, WallTime{-5}, 100})),
      encode(ControlRequest(SwitchRequest{ShardId{7}, NodeId{2}, "uid 0 via socket"}))};
  for (const std::string& one : bytes) {
    const auto read = decode_control_request(one);
    ASSERT_TRUE(read) << to_string(read.error());
    EXPECT_EQ(encode(*read), one);
    for (std::size_t cut = 0; cut < one.size(); ++cut)
      (void)decode_control_request(one.substr(0, cut));  // an error, or less: no crash
  }
  EXPECT_EQ(decode_control_request(std::string(10'000, 'x')).error().code, ErrorCode::kLimit);
  EXPECT_EQ(decode_control_request("").error().code, ErrorCode::kCorrupt);
}

TEST(ControlWire, AnswersAreReadAsTheyWereWritten) {
  CopyReport copy = copy_of(Role::kPrimary, Lsn{800}, "abcd");
  copy.peers = {{NodeId{2}, true, Lsn{700}, Lsn{600}, Micros{7}, 100, Micros{9}},
                {NodeId{3}, false, Lsn{}, Lsn{}, Micros{8}, std::nullopt, Micros{}}};
  const ControlAnswer answers[] = {
      NodeReport{NodeId{1}, "0.2.0", Micros{5}, {copy}}, copy,
      Events{{WallTime{12}, Epoch{3}, true, "shard closed", "its disk does not answer"}},
      Switched{NodeId{1}, NodeId{2}, Micros{31'000}}};
  for (const ControlAnswer& answer : answers) {
    const std::string bytes = encode_control_answer(answer);
    const auto read = decode_control_answer(bytes);
    ASSERT_TRUE(read) << to_string(read.error());
    EXPECT_EQ(*read, answer);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
      (void)decode_control_answer(bytes.substr(0, cut));
  }
  const auto refused =
      decode_control_answer(encode_control_answer(Error{ErrorCode::kConflict, "not in sync"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().context, "not in sync");
}

TEST(ClusterView, IsWellWithAPrimaryAndAllCopiesInSync) {
  const ClusterView view = cluster_view({node(1, copy_of(Role::kPrimary, Lsn{800}, "a")),
                                         node(2, copy_of(Role::kBackup, Lsn{800}, "a")),
                                         node(3, copy_of(Role::kBackup, Lsn{700}, "b"))});
  EXPECT_TRUE(view.problems.empty()) << view.problems.front();
  ASSERT_EQ(view.shards.size(), 1u);
  const ShardView& shard = view.shards[0];
  EXPECT_EQ(shard.primary, NodeId{1});
  EXPECT_EQ(shard.copies[0].digest, Digest::kSame);
  EXPECT_EQ(shard.copies[1].digest, Digest::kSame);
  EXPECT_EQ(shard.copies[2].digest, Digest::kNotComparable);  // of another LSN
}

TEST(ClusterView, NamesEachProblem) {
  CopyReport primary = copy_of(Role::kPrimary, Lsn{800}, "a");
  primary.isr = {NodeId{1}, NodeId{2}};
  primary.config_version = 10;  // node 2 has not seen it yet
  const ClusterView view = cluster_view(
      {node(1, primary), node(2, copy_of(Role::kBackup, Lsn{800}, "b")), node(3, std::nullopt)});
  const std::vector<std::string> want = {
      "node 3: no answer: down", "shard 2: 2 of 3 copies in sync, missing: node 3",
      "shard 2: the copy on node 2 differs from the others at LSN 800"};
  EXPECT_EQ(view.problems, want);
  EXPECT_EQ(view.shards[0].copies[2].no_report, "down");
}

TEST(ClusterView, SaysWhenNobodyLeads) {
  CopyReport alone = copy_of(Role::kCandidate, Lsn{800}, "a");
  const ClusterView view =
      cluster_view({node(1, std::nullopt), node(2, alone), node(3, std::nullopt)});
  ASSERT_EQ(view.shards.size(), 1u);
  EXPECT_FALSE(view.shards[0].open);
  EXPECT_EQ(view.shards[0].problems.front(), "shard 2: its primary, node 1, takes no changes");
}

// A network that loses every question to node 3.
class Peers : public ControlPeers {
 public:
  std::map<NodeId, Control*> others;
  std::vector<KnownNode> nodes() override {
    return {{NodeId{1}, "", "", "", true, ""},
            {NodeId{2}, "", "", "", true, ""},
            {NodeId{3}, "", "", "", true, "connection refused"}};
  }
  Task<std::string> ask(NodeId node, std::string request, Micros) override {
    if (!others.contains(node)) co_return Error{ErrorCode::kUnavailable, "no link"};
    co_return co_await others.at(node)->serve(NodeId{1}, std::move(request));
  }
};

TEST(Control, AsksAllNodesAndSaysWhoDoesNotAnswer) {
  Peers peers;
  Journal journal;
  journal.add(ShardId{0}, {WallTime{5}, Epoch{1}, false, "shard opened", ""});
  ShardStatus status;
  const auto look = [&] { return std::vector<ShardStatus>{status}; };
  Control two({NodeId{2}, "0.2.0", look, {}, &journal, &peers});
  Control one({NodeId{1}, "0.2.0", look, {}, &journal, &peers});
  peers.others[NodeId{2}] = &two;
  const auto views = await(one.look());
  ASSERT_TRUE(views);
  ASSERT_EQ(views->size(), 3u);
  EXPECT_TRUE((*views)[0].report && (*views)[1].report);
  EXPECT_FALSE((*views)[2].report);
  EXPECT_EQ((*views)[2].no_answer, "cut off from the node that was asked: connection refused");
  const auto events = await(one.events(ShardId{0}, WallTime{}, 10));
  ASSERT_TRUE(events);
  EXPECT_EQ((*events)[0].events.size() + (*events)[1].events.size(), 2u);
  EXPECT_EQ(await(one.switch_primary(ShardId{9}, {}, "me")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(await(one.switch_primary(ShardId{0}, {}, "me")).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace everpost::cluster
