// What a node of a cluster has and a single node has not: the connections to other nodes, with all
// that is said over them, and a clock for the replicas.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cluster/cluster_options.h"
#include "cluster/control/control.h"
#include "cluster/coordinator/zookeeper_coordinator.h"
#include "cluster/copies/copy_peer.h"
#include "cluster/copies/copy_server.h"
#include "cluster/placement/far_shards.h"
#include "cluster/router/mail_peer.h"
#include "cluster/router/mail_server.h"
#include "cluster/shard/messenger.h"
#include "cluster/shard/shard.h"
#include "rpc/transport.h"

namespace everpost::cluster {

class ClusterLinks : public Messenger,
                     public MailPeer,
                     public CopyPeer,
                     public ShardMap,
                     public ControlPeers,
                     private rpc::Receiver {
 public:
  // Connects to the coordinator, finds the cluster there, registers, and listens. Blocks: until the
  // coordinator answers, then until the directory has a place on this node, for seconds.
  // Errors: kUnavailable (not registered), kNotFound (no cluster was made there; no place),
  // kUnsupported (the cluster works at a feature level that this program does not know),
  // kInvalidArgument.
  static Result<std::unique_ptr<ClusterLinks>> open(const ClusterOptions& options, NodeId node);
  ~ClusterLinks() override;

  ZooKeeperCoordinator& coordinator() { return *coordinator_; }
  Uuid cluster() const { return cluster_; }
  // Where each shard is to be, as the coordinator had it when this was opened.
  const std::map<ShardId, ShardConfig>& placement() const { return placement_; }

  // The replicas on this node; messages for them are taken, and their clocks go, from now on. They
  // outlive stop().
  void start(std::map<ShardId, Shard*> shards);
  // Another replica, opened since. Any thread.
  void add(Shard& shard);
  // Since when a node has been connected to this process without a break.
  std::optional<Micros> connected_since(NodeId node);
  // Answers what other nodes ask. `server` outlives stop().
  void serve(MailServer& server, asio::any_io_executor executor);
  // The same of an administrator's questions. `control` outlives stop().
  void serve(Control& control);
  // Answers what they ask of copies here; it may block. `copies` outlives stop().
  void serve(CopyServer& copies, asio::any_io_executor executor);
  // No more calls and messages. Blocks.
  void stop();

  // Messenger and CopyPeer, for replicas here; MailPeer and ShardMap, for the router here.
  void send(NodeId to, ShardId shard, const replication::Message& message) override;
  Task<std::string> call(NodeId node, std::string request, Micros timeout) override;
  Task<std::string> ask_copy(NodeId node, std::string request, Micros timeout) override;
  std::optional<NodeId> primary(ShardId shard) override;
  void wrong(ShardId shard, NodeId node) override;
  std::vector<ShardId> mail_shards() override;

  // ControlPeers: also while the coordinator is away.
  std::vector<KnownNode> nodes() override;
  Task<std::string> ask(NodeId node, std::string request, Micros timeout) override;

 private:
  ClusterLinks(const ClusterOptions& options, NodeId node);

  // rpc::Receiver
  void received(rpc::Received message) override;
  void connected(const rpc::PeerInfo& peer) override;
  void lost(NodeId peer, const Error& why) override;

  Result<void> wait_until_registered(const FeatureRange& features);
  Result<void> wait_for_place();
  Result<void> read_placement();
  Result<void> meet();  // the nodes that the coordinator knows
  void keep_time();

  const ClusterOptions options_;
  const NodeId node_;
  const std::uint64_t incarnation_;
  std::unique_ptr<ZooKeeperCoordinator> coordinator_;
  Uuid cluster_{};
  std::unique_ptr<rpc::Transport> transport_;
  std::map<ShardId, ShardConfig> placement_;
  std::unique_ptr<FarShards> far_;  // what no replica here tells

  std::mutex mutex_;
  std::map<ShardId, Shard*> shards_;
  std::vector<Member> members_;  // as the coordinator had them last
  std::map<NodeId, Micros> connected_since_;
  std::atomic<bool> stopping_{false}, members_changed_{true};
  std::thread clock_, registrar_;
};

}  // namespace everpost::cluster
