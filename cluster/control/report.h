// What a node says of itself to whoever administers the cluster: its copies of the shards, and what
// happened to them. Made on the node, asked for by others (control.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "cluster/replication/state.h"
#include "cluster/shard/journal.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

// How a primary sees another copy.
struct PeerReport {
  NodeId node;
  bool streaming = false;
  Lsn durable, applied;  // there, as far as is known
  Micros silent{};       // since it was last heard
  // What is committed and not durable there, and for how long; none: not heard of in this reign.
  std::optional<std::uint64_t> lag_bytes;
  Micros lag{};
  friend bool operator==(const PeerReport&, const PeerReport&) = default;
};

struct CopyReport {
  ShardId shard;
  bool directory = false;
  replication::Role role{};
  Epoch epoch;
  bool open = false;  // leads, and takes changes
  bool led = false;   // leads, or hears the one that does
  bool in_sync = false, suspect = false, failed = false;
  Lsn begin, end, durable, commit, applied;
  std::string digest;  // of the state at `applied`
  std::uint64_t disk_bytes = 0;
  // The shard's configuration as this copy saw it last; version 0: not yet.
  std::uint64_t config_version = 0;
  NodeId primary;  // 0: none
  std::vector<NodeId> replicas, isr;
  std::uint32_t min_isr = 0;
  std::vector<PeerReport> peers;  // of a primary
  friend bool operator==(const CopyReport&, const CopyReport&) = default;
};

struct NodeReport {
  NodeId node;
  std::string release;
  Micros up{};  // since it was started
  std::vector<CopyReport> copies;
  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

CopyReport report_of(const ShardStatus& status);

}  // namespace everpost::cluster
