// The coordinator as replicas see it (a znode of ZooKeeper): compare-and-set is linearizable, its
// answer may get lost, reads may be old, watches may not come (docs/hazards.md, H1 to H13).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "cluster/replication/effect.h"
#include "tests/simulation/timeline.h"

namespace everpost::simulation {

using namespace cluster;
using namespace cluster::replication;

class SimCoordinator {
 public:
  using Answer = std::function<void(Event)>;

  SimCoordinator(Timeline& timeline, Rng rng, const Plan& plan, ShardConfig first);

  const ShardConfig& config() const { return config_; }
  std::uint64_t version() const { return version_; }
  bool reachable(NodeId node) const { return up_ && !cut_.contains(node); }

  // Requests of a node; `answer` is called some time later, perhaps after the node is gone.
  void cas(const CopyId& from, const Cas& cas, Answer answer);
  void read(NodeId from, Answer answer);
  void verify(NodeId from, const VerifyConfig& verify, Answer answer);

  void set_up(bool up) { up_ = up; }
  void set_cut(NodeId node, bool cut);
  void heal() { up_ = true, cut_.clear(), calm_ = true; }
  // For scenarios, instead of chance: what becomes of the next change of this kind by this node, of
  // which it learns nothing, and how long the answer to its next VerifyConfig takes.
  enum class Fate : std::uint8_t { kNotStored, kStored, kStoredLater };
  void script(NodeId node, Transition kind, Fate fate, Micros later = {}) {
    scripted_[{node, kind}] = {fate, later};
  }
  bool is_scripted(NodeId node, Transition kind) const { return scripted_.contains({node, kind}); }
  void script_verify(NodeId node, Micros answered_after) { slow_answers_[node] = answered_after; }
  // The placer's and the operator's hand.
  void store(const ShardConfig& config, const CopyId& actor, Transition kind);

  // An administrator restores it from a backup: the newest value is gone (H6).
  void rewind();

  // The ISRs of all that may still be stored.
  std::vector<ShardConfig> under_way() const;

  // Called with each new value.
  std::function<void(const ShardConfig& before, Transition kind, const CopyId& actor)> changed;

 private:
  struct Past {
    Micros until;  // it was the newest
    ShardConfig config;
    std::uint64_t version;
  };
  bool try_store(const CopyId& actor, const Cas& cas);
  Micros way() {
    return rng_.exponential(Micros{150}, calm_ ? Micros{500} : plan_.coordinator_mean);
  }

  Timeline& timeline_;
  Rng rng_;
  const Plan& plan_;
  ShardConfig config_;
  std::uint64_t version_ = 1;
  std::vector<Past> past_;
  bool up_ = true, calm_ = false;
  std::set<NodeId> cut_;
  std::map<Nonce, Cas> under_way_;
  std::map<std::pair<NodeId, Transition>, std::pair<Fate, Micros>> scripted_;
  std::map<NodeId, Micros> slow_answers_;
};

}  // namespace everpost::simulation
