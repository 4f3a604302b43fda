// Who belongs to the cluster, who of them is there, and at which feature level all work. The level
// gates new record types (D16, H49): it is raised only when every node that belongs to the cluster
// supports it.
//
// /live is a hint, for placement and for people: a node that is away from ZooKeeper vanishes from
// it though it is fine, and nothing takes over for that alone (H10).
//
// Thread-safe. All but announce() blocks, for up to kZooKeeperPatience.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cluster/coordinator/node_record.h"
#include "cluster/coordinator/shard_config.h"
#include "cluster/coordinator/zookeeper_session.h"

namespace everpost::cluster {

struct Member {
  NodeRecord record;
  bool live = false;  // a session of it is registered
};

class ZooKeeperRegistry {
 public:
  struct Options {
    std::string root;
    NodeId node;
    Incarnation incarnation;
    // A younger process with our node id has registered: this one is a leftover, or a copy of the
    // machine runs elsewhere; it must end (H8). Once, on one of the session's threads.
    std::function<void()> superseded;
  };

  ZooKeeperRegistry(ZooKeeperSession& session, Options options);

  // ---- administration
  // Makes the znodes of a new cluster, below whatever of `root` is missing. Can be repeated.
  // Errors: kAlreadyExists, another cluster is there.
  Result<void> create_cluster(const Uuid& id, std::uint32_t feature_level);
  // Errors: kNotFound, no cluster was made there.
  Result<Uuid> cluster();
  Result<std::vector<Member>> members();
  // A node that will not come back no longer counts. Errors: kNotFound, kConflict (it is live).
  Result<void> forget(NodeId node);

  // ---- feature level
  Result<std::uint32_t> feature_level();
  // Errors: kConflict, naming the nodes that do not support it, or something has changed meanwhile;
  // kInvalidArgument, it is not higher than the present one.
  Result<void> raise_feature_level(std::uint32_t level);

  // ---- this node
  // Registers this process, and keeps it registered through all sessions. A node looks at
  // feature_level() once it is registered(): a level that it does not support is not raised after
  // that, and if it was before, the node must not start.
  void announce(NodeRecord record);
  bool registered() const;
  // Something here has changed, perhaps. At most one; before announce(). Any thread; must not
  // block.
  void on_change(std::function<void()> changed);

  // ---- from the coordinator
  void renewed();  // the session is another one
  void changed(const std::string& path);

 private:
  using Round = std::uint64_t;  // a session's; what an older one began is given up
  std::string path(std::string_view below) const { return options_.root + std::string(below); }
  std::string node_path() const { return path("/nodes/" + to_string(options_.node)); }
  bool is_current(Round round) const;
  void later(Round round, std::chrono::milliseconds delay, void (ZooKeeperRegistry::*step)(Round));
  void make_live(Round round);
  void check_live(Round round);
  void store_record(Round round);
  void write_record(Round round, std::optional<std::int32_t> version);
  void look_for_successor(Round round);
  void trouble(const char* what, const Error& error);

  ZooKeeperSession& session_;
  const Options options_;
  const std::string live_name_;

  mutable std::mutex mutex_;
  std::optional<NodeRecord> record_;
  Round round_ = 0;
  std::int64_t created_ = 0;  // when our /live entry was made
  bool registered_ = false, superseded_ = false, told_trouble_ = false;
  std::function<void()> on_change_;
};

}  // namespace everpost::cluster
