// What the nodes have to agree on about a shard: who is its primary, in which epoch, and which
// copies are in sync. The coordinator keeps it; it changes by compare-and-set, along the
// transitions of transition.h only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace everpost::cluster {

// Domains, accounts and aliases; all others are mail shards.
constexpr ShardId kDirectoryShard{0};

// One copy of a shard. A wiped or restored disk is another copy (D8).
struct CopyId {
  NodeId node;
  Uuid disk{};
  friend auto operator<=>(const CopyId&, const CopyId&) = default;
};

// One run of a node's process: random, so that a restarted one is never taken for its predecessor.
using Incarnation = Strong<struct IncarnationTag, std::uint64_t>;

// Written with each value that is proposed. A proposal whose outcome is unknown was applied if and
// only if its nonce shows up (H1).
struct Nonce {
  NodeId node;
  Incarnation incarnation;
  std::uint32_t counter = 0;
  friend auto operator<=>(const Nonce&, const Nonce&) = default;
};

struct ShardConfig {
  Lineage lineage{1};
  Epoch epoch{0};
  NodeId primary{0};  // 0: none
  std::vector<CopyId> isr;
  std::vector<NodeId> replicas;  // in the order of preference
  std::uint8_t min_isr = 1;
  bool accept_loss = false;  // an operator gave up what only the lost copies held (T6)
  Nonce nonce;

  bool in_isr(const CopyId& copy) const { return std::ranges::find(isr, copy) != isr.end(); }
  bool in_isr(NodeId node) const {
    return std::ranges::find(isr, node, &CopyId::node) != isr.end();
  }
  bool in_replicas(NodeId node) const {
    return std::ranges::find(replicas, node) != replicas.end();
  }
  friend bool operator==(const ShardConfig&, const ShardConfig&) = default;
};

}  // namespace everpost::cluster
