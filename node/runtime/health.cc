#include "node/runtime/health.h"

#include <algorithm>

namespace everpost::node {
namespace {

// All text in it is ours: nothing needs escaping.
std::string to_json(const cluster::ShardStatus& shard) {
  const bool directory = shard.kind == storage::ShardKind::kDirectory;
  return "{\"shard\":" + to_string(shard.shard) + ",\"kind\":\"" +
         (directory ? "directory" : "mail") + "\",\"state\":\"" +
         (shard.failed         ? "failed"
          : shard.standing.led ? "ok"
                               : "no primary") +
         "\",\"role\":\"" + std::string(cluster::replication::to_string(shard.standing.role)) +
         "\",\"epoch\":" + to_string(shard.epoch) +
         ",\"committed_lsn\":" + std::to_string(shard.standing.commit.value) +
         ",\"applied_lsn\":" + std::to_string(shard.applied.value) + "}";
}

}  // namespace

HttpReply health_reply(NodeId node, ServerState state,
                       const std::vector<cluster::ShardStatus>& shards) {
  const bool failed = std::ranges::any_of(shards, &cluster::ShardStatus::failed);
  // This node serves all the same, and what it cannot serve now another one could not either.
  const bool degraded = !std::ranges::all_of(
      shards, [](const cluster::ShardStatus& shard) { return shard.standing.led; });
  const char* status = state == ServerState::kStarting   ? "starting"
                       : state == ServerState::kStopping ? "stopping"
                       : failed                          ? "failed"
                       : degraded                        ? "degraded"
                                                         : "ok";
  std::string list;
  std::string without;
  for (const auto& shard : shards) {
    list += (list.empty() ? "" : ",") + to_json(shard);
    if (!shard.standing.led) without += (without.empty() ? "" : ",") + to_string(shard.shard);
  }
  const bool ok = state == ServerState::kServing && !failed;
  return {ok ? 200u : 503u, "application/json",
          "{\"status\":\"" + std::string(status) +
              "\",\"version\":\"" EVERPOST_VERSION "\",\"node\":" + to_string(node) +
              ",\"without_primary\":[" + without + "],\"shards\":[" + list + "]}\n"};
}

}  // namespace everpost::node
