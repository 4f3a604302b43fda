// What GET /healthz answers: 200 when this node serves, 503 with the reason when it does not.
// "degraded" is a 200: it serves, but no primary is known of the shards that are named.
#pragma once

#include <vector>

#include "base/ids.h"
#include "cluster/node.h"
#include "node/runtime/http_server.h"

namespace everpost::node {

enum class ServerState { kStarting, kServing, kStopping };

HttpReply health_reply(NodeId node, ServerState state,
                       const std::vector<cluster::ShardStatus>& shards);

}  // namespace everpost::node
