// The numbers that the shards keep, for /metrics and /healthz.
#pragma once

#include <string>
#include <vector>

#include "cluster/node.h"
#include "node/runtime/metric_families.h"

namespace everpost::node {

void add_shard_metrics(const std::vector<cluster::ShardStatus>& shards, MetricFamilies& to);
// Of the data folder's file system.
void add_space_metrics(const cluster::DiskSpace::Status& space, MetricFamilies& to);

}  // namespace everpost::node
