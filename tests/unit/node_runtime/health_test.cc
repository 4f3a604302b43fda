#include "node/runtime/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "node/runtime/shard_metrics.h"

namespace everpost::node {
namespace {

using testing::HasSubstr;

std::vector<cluster::ShardStatus> two_shards() {
  std::vector<cluster::ShardStatus> shards(2);
  shards[0].kind = storage::ShardKind::kDirectory;
  for (auto& shard : shards) {
    shard.standing.role = cluster::replication::Role::kBackup;
    shard.standing.led = true;
  }
  shards[1].shard = ShardId{1};
  shards[1].epoch = Epoch{3};
  shards[1].standing.commit = Lsn{4096};
  shards[1].applied = Lsn{4032};
  shards[1].groups.sync_micros = 1'500'000;
  return shards;
}

TEST(Health, IsGoodOnlyWhenServingWithEveryShardWell) {
  auto failed = two_shards();
  failed[1].failed = true;
  auto alone = two_shards();
  alone[1].standing.led = false;
  struct Case {
    ServerState state;
    std::vector<cluster::ShardStatus> shards;
    unsigned status;
    const char* want;
  };
  const Case cases[] = {
      {ServerState::kStarting, {}, 503, "{\"status\":\"starting\","},
      {ServerState::kServing, two_shards(), 200, "{\"status\":\"ok\","},
      {ServerState::kServing, failed, 503, "{\"status\":\"failed\","},
      {ServerState::kServing, alone, 200, "{\"status\":\"degraded\","},
      {ServerState::kStopping, two_shards(), 503, "{\"status\":\"stopping\","},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.want);
    const HttpReply reply = health_reply(NodeId{1}, c.state, c.shards);
    EXPECT_EQ(reply.status, c.status);
    EXPECT_EQ(reply.content_type, "application/json");
    EXPECT_THAT(reply.body, HasSubstr(c.want));
  }
}

TEST(Health, TellsOfEachShard) {
  EXPECT_THAT(
      health_reply(NodeId{7}, ServerState::kServing, two_shards()).body,
      HasSubstr(",\"node\":7,\"without_primary\":[],\"shards\":[{\"shard\":0,\"kind\":"
                "\"directory\",\"state\":\"ok\",\"role\":\"backup\",\"epoch\":0,\"committed_lsn\":"
                "0,\"applied_lsn\":0},"
                "{\"shard\":1,\"kind\":\"mail\",\"state\":\"ok\",\"role\":\"backup\",\"epoch\":3,"
                "\"committed_lsn\":4096,\"applied_lsn\":4032}]}"));
}

TEST(ShardMetrics, TheSameForEachShard) {
  MetricFamilies families;
  add_shard_metrics(two_shards(), families);
  for (const auto& family : families.take()) {
    SCOPED_TRACE(family.name);
    std::map<std::string, int> values;
    for (const auto& metric : family.metric) ++values[metric.label[0].value];
    EXPECT_EQ(values.size(), 2u);
    EXPECT_EQ(values["0"], values["1"]);
    if (family.name == "everpost_shard_sync_seconds_total")
      EXPECT_EQ(family.metric[1].counter.value, 1.5);
    if (family.name == "everpost_shard_committed_lsn")
      EXPECT_EQ(family.metric[1].gauge.value, 4096);
  }
}

}  // namespace
}  // namespace everpost::node
