// The coordinator of a cluster: a ZooKeeper ensemble. docs/formats/coordinator.md has the znodes.
//
// What it promises rests on compare-and-set alone. Reads are as of the leader's state when they
// were asked, watches are hints, and both may be late or wrong: see the hazards 1 to 13 and 55 of
// docs/hazards.md, which the code names where it meets them.
//
// Nothing here fails because ZooKeeper is away: requests are answered with kUnavailable, listeners
// hear of it, and it goes on by itself when the ensemble is back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cluster/coordinator/coordinator.h"
#include "cluster/coordinator/listeners.h"
#include "cluster/coordinator/zookeeper_pair.h"
#include "cluster/coordinator/zookeeper_registry.h"

namespace everpost::cluster {

class ZooKeeperCoordinator : public Coordinator {
 public:
  struct Options {
    ZooKeeperPair::Options zookeeper;
    std::string root = "/everpost";  // all znodes are below it; one for each cluster
    NodeId node;                     // 0: not a node, an administrator's program
    Incarnation incarnation;         // of this process: random
    // See ZooKeeperRegistry::Options. May be empty.
    std::function<void()> superseded;
  };

  // Connects in the background.
  explicit ZooKeeperCoordinator(Options options);
  ~ZooKeeperCoordinator() override;

  // Nodes, feature level, the cluster's id.
  ZooKeeperRegistry& registry() { return registry_; }

  void get(ShardId shard, Answer<Versioned> answer) override;
  void compare_and_set(ShardId shard, std::uint64_t version, const ShardConfig& config,
                       Answer<std::uint64_t> answer) override;
  void verify(ShardId shard, std::uint64_t version, Answer<bool> answer) override;
  std::unique_ptr<Watch> watch(ShardId shard, Listener listener) override;
  bool is_on_own_disk() const override { return false; }

  Result<std::vector<ShardId>> shards() override;
  Result<Versioned> create(ShardId shard, const ShardConfig& config) override;

 private:
  // What this process has learned of a shard's znode.
  struct Known {
    std::optional<std::int64_t> created;  // its czxid
    std::uint64_t at_least = 0;           // a version that it has had
  };

  std::string path_of(ShardId shard) const;
  void read(ShardId shard, int again, Answer<Versioned> answer);
  Result<Versioned> decode(ShardId shard, const Znode& znode) const;
  void saw(ShardId shard, std::uint64_t version);
  void settle(ShardId shard, std::uint64_t version, const ShardConfig& config,
              Answer<std::uint64_t> answer);
  void on_change(const std::string& path);

  const Options options_;
  Listeners listeners_;
  std::mutex mutex_;
  std::map<ShardId, Known> known_;
  std::uint64_t verifications_ = 0;
  ZooKeeperPair pair_;
  ZooKeeperRegistry registry_;
};

}  // namespace everpost::cluster
