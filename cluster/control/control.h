// Looking at the cluster and steering it, from any of its nodes: what an administrator asks one
// node is asked of all of them at once, and an order goes to the node that can carry it out.
//
// Each node has one Control: it answers the others (serve()) and asks them. A node that does not
// answer in kPatience is told of as such; it holds up nothing else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/asio.h"
#include "cluster/control/control_wire.h"
#include "cluster/shard/shards_here.h"

namespace everpost::cluster {

// A node that belongs to the cluster.
struct KnownNode {
  NodeId node;
  std::string address, zone, release;
  bool live = false;    // registered with the coordinator, when that was last seen
  std::string trouble;  // why there is no connection to it; empty if there is one
};

// The other nodes. Callable from any thread.
class ControlPeers {
 public:
  virtual ~ControlPeers() = default;
  virtual std::vector<KnownNode> nodes() = 0;  // all of them, this one too
  // Resumes on the caller's executor. Errors: as rpc::Transport::call().
  virtual Task<std::string> ask(NodeId node, std::string request, Micros timeout) = 0;
};

class Control {
 public:
  static constexpr std::chrono::seconds kPatience{2};         // with a node that is asked
  static constexpr std::chrono::seconds kSwitchDeadline{10};  // for a switch
  static constexpr std::size_t kLooksMax = 16;  // under way on this node; a disk may hang

  struct Options {
    NodeId node;
    std::string release;
    // All copies of this node. May block.
    std::function<std::vector<ShardStatus>()> look;
    ShardsHere shards;  // the same; they outlive stop(). Empty: none
    Journal* journal = nullptr;
    ControlPeers* peers = nullptr;  // null: a single node. Outlives stop()
  };
  explicit Control(Options options);
  ~Control();  // stop()

  // One node as this one sees it: its report, or why there is none.
  struct NodeView {
    KnownNode known;
    std::optional<NodeReport> report;
    std::string no_answer;
  };
  // The functions below resume on the caller's executor, which outlives them.
  Task<std::vector<NodeView>> look();

  struct NodeEvents {
    NodeId node;
    Events events;
    std::string no_answer;
  };
  // What happened to a shard, on all nodes: the newest `limit` of each.
  Task<std::vector<NodeEvents>> events(ShardId shard, WallTime since, std::uint32_t limit);

  // Makes `to` the shard's primary, and waits until it is; without it the first of the nodes that
  // have a copy. Errors: kNotFound; kUnavailable, nobody leads the shard now; kConflict and
  // kInvalidArgument, that node's copy cannot lead; kBusy; kTimeout, it goes on where it was.
  Task<Switched> switch_primary(ShardId shard, std::optional<NodeId> to, std::string actor);

  // For other nodes. Runs on executor().
  Task<std::string> serve(NodeId from, std::string request);
  asio::any_io_executor executor() { return loop_.get_executor(); }

  // Nothing is asked or answered any more. Blocks. Once; the peers answer nothing any more.
  void stop();

 private:
  struct Reply {
    KnownNode known;
    Result<ControlAnswer> answer;
  };
  std::vector<KnownNode> known() const;
  // On loop_, all of them.
  Task<ControlAnswer> ask(NodeId node, ControlRequest request, Micros timeout);
  Task<std::vector<Reply>> ask_all(ControlRequest request);
  Task<ControlAnswer> answer(ControlRequest request);
  Task<NodeReport> report();
  Task<std::vector<NodeView>> look_at_all();
  Task<std::vector<NodeEvents>> events_of_all(EventsRequest request);
  Task<Switched> find_and_switch(SwitchRequest order);
  Task<Switched> hand_over(SwitchRequest order);  // this node leads
  Task<NodeId> leader(ShardId shard);

  const Options options_;
  const Micros started_;
  asio::thread_pool loop_{1};   // never blocks
  asio::thread_pool looks_{1};  // a disk that hangs may hold it
  std::size_t looking_ = 0;
  std::atomic<bool> stopping_{false};
};

}  // namespace everpost::cluster
