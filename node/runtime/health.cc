#include "node/runtime/health.h"

#include <algorithm>

namespace everpost::node {
namespace {

// All text in it is ours: nothing needs escaping.
std::string to_json(const cluster::ShardStatus& shard) {
  const bool directory = shard.kind == storage::ShardKind::kDirectory;
  return "{\"shard\":" + to_string(shard.shard) + ",\"kind\":\"" +
         (directory ? "directory" : "mail") + "\",\"state\":\"" + (shard.failed ? "failed" : "ok") +
         "\",\"epoch\":" + to_string(shard.epoch) +
         ",\"committed_lsn\":" + std::to_string(shard.standing.commit.value) +
         ",\"applied_lsn\":" + std::to_string(shard.applied.value) + "}";
}

}  // namespace

HttpReply health_reply(NodeId node, ServerState state,
                       const std::vector<cluster::ShardStatus>& shards) {
  const bool failed = std::ranges::any_of(shards, &cluster::ShardStatus::failed);
  const char* status = state == ServerState::kStarting   ? "starting"
                       : state == ServerState::kStopping ? "stopping"
                       : failed                          ? "failed"
                                                         : "ok";
  std::string list;
  for (const auto& shard : shards) list += (list.empty() ? "" : ",") + to_json(shard);
  const bool ok = state == ServerState::kServing && !failed;
  return {ok ? 200u : 503u, "application/json",
          "{\"status\":\"" + std::string(status) +
              "\",\"version\":\"" EVERPOST_VERSION "\",\"node\":" + to_string(node) +
              ",\"shards\":[" + list + "]}\n"};
}

}  // namespace everpost::node
