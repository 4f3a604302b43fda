#include "cluster/found_cluster.h"

#include <algorithm>

#include "base/random.h"
#include "cluster/coordinator/zookeeper_coordinator.h"
#include "cluster/placement/place.h"

namespace everpost::cluster {
namespace {

constexpr std::uint32_t kFirstFeatureLevel = 1;

ShardConfig config_of(std::vector<NodeId> replicas, unsigned min_isr) {
  ShardConfig config;
  const auto copies = static_cast<unsigned>(replicas.size());
  config.replicas = std::move(replicas);
  const unsigned least = min_isr > 0 ? min_isr : copies >= 3 ? 2 : 1;
  config.min_isr = static_cast<std::uint8_t>(std::min(least, copies));
  return config;
}

}  // namespace

Result<Uuid> found_cluster(const Foundation& foundation) {
  const std::size_t count = foundation.nodes.size();
  if (count == 0) return Error{ErrorCode::kInvalidArgument, "a cluster needs a node"};
  const unsigned copies = foundation.copies > 0
                              ? foundation.copies
                              : static_cast<unsigned>(std::min<std::size_t>(3, count));
  if (copies > count)
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(copies) + " copies need as many nodes"};

  ZooKeeperCoordinator::Options options;
  options.zookeeper.servers = foundation.zookeeper;
  options.root = foundation.root;
  ZooKeeperCoordinator coordinator(std::move(options));
  ZooKeeperRegistry& registry = coordinator.registry();
  auto id = registry.cluster();
  if (!id && id.error().code != ErrorCode::kNotFound) return id.error();
  if (!id) id = random_uuid();
  RETURN_IF_ERROR(registry.create_cluster(*id, kFirstFeatureLevel));
  // The directory last: once it is there, all are, and their number does not change any more.
  const auto there = coordinator.get_now(kDirectoryShard);
  if (there) return *id;
  if (there.error().code != ErrorCode::kNotFound) return there.error();
  std::vector<PlacedNode> nodes;
  for (const NodeId node : foundation.nodes) {
    const std::size_t n = nodes.size();
    nodes.push_back({.id = node, .zone = n < foundation.zones.size() ? foundation.zones[n] : ""});
  }
  const auto mail = spread(nodes, foundation.mail_shards, copies);
  for (unsigned n = foundation.mail_shards + 1; n-- > 0;) {
    const ShardConfig config =
        config_of(n == 0 ? foundation.nodes : mail[n - 1], foundation.min_isr);
    const auto made = coordinator.create(ShardId{n}, config);
    if (!made && made.error().code != ErrorCode::kAlreadyExists) return made.error();
  }
  return *id;
}

}  // namespace everpost::cluster
