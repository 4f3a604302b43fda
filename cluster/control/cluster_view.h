// What the nodes reported, put together: each shard with its copies, and what is wrong. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/control/control.h"

namespace everpost::cluster {

struct CopyView {
  NodeId node;
  std::optional<CopyReport> report;  // none: the node does not answer, or has no such copy
  std::string no_report;             // why
  bool in_sync = false;              // by the newest configuration
  // As the primary sees it; none: unknown.
  std::optional<std::uint64_t> lag_bytes;
  std::optional<Micros> lag;
  // Against the primary's copy (or, if that does not answer, the one that is furthest): digests of
  // different LSNs say nothing about each other.
  enum class Digest { kUnknown, kSame, kDiffers, kNotComparable };
  Digest digest = Digest::kUnknown;
};
std::string_view to_string(CopyView::Digest digest);

struct ShardView {
  ShardId shard;
  bool directory = false;
  NodeId primary;     // 0: none
  bool open = false;  // it leads, and takes changes
  Epoch epoch;
  std::uint32_t min_isr = 0;
  std::vector<NodeId> replicas;  // in the order of preference
  std::vector<NodeId> isr;
  std::vector<CopyView> copies;       // of `replicas`, in their order
  std::vector<std::string> problems;  // empty: has an open primary and all copies in sync
};

struct ClusterView {
  std::vector<Control::NodeView> nodes;
  std::vector<ShardView> shards;      // by id
  std::vector<std::string> problems;  // of nodes and shards
};

ClusterView cluster_view(std::vector<Control::NodeView> nodes);

}  // namespace everpost::cluster
