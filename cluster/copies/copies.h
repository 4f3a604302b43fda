// The copies of this node's shards on other nodes, as a help for those here: bytes that are damaged
// here are fetched from one of them, and logs are mended with what they have. Nothing is taken that
// the checksums of the log or the index here do not prove.
#pragma once

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cluster/copies/copy_peer.h"
#include "cluster/copies/copy_wire.h"
#include "cluster/shard/shards_here.h"
#include "storage/log/repair.h"

namespace everpost::cluster {

class Copies : public OtherCopies {
 public:
  // `peer` outlives this. `placement`: where the shards are, until the replicas here know better.
  Copies(CopyPeer& peer, NodeId self, std::map<ShardId, ShardConfig> placement)
      : peer_(peer), self_(self), placement_(std::move(placement)) {}
  ~Copies() override { stop(); }

  // The shards here, which outlive stop().
  void start(ShardsHere shards);
  void stop();

  Result<std::string> fetch(ShardId shard, const storage::Extent& extent) override;
  void damaged(ShardId shard) override;

  // Mends a log that could not be opened for damage in its middle, waiting a while for other nodes
  // to be reached. Returns how many parts were mended. Errors: kCorrupt (nobody has them), kIo,
  // kNoSpace.
  Result<std::size_t> mend_closed(storage::Env& env, ShardId shard,
                                  const storage::LogOptions& options);

  // ---- for the seeder
  // Asks another node; the future is ready by `timeout`. Any thread.
  std::future<Result<std::string>> begin_ask(NodeId node, const CopyRequest& request,
                                             Micros timeout);
  Result<std::string> ask(NodeId node, const CopyRequest& request, Micros timeout) {
    return begin_ask(node, request, timeout).get();
  }
  // Those that have a copy, without this one; members of the ISR first, the primary last of them.
  std::vector<NodeId> nodes_with(ShardId shard);

 private:
  Result<std::string> fetch_records(NodeId node, ShardId shard, const storage::DamagedPart& part);
  Result<std::string> fetch_records(ShardId shard, const storage::DamagedPart& part);
  void mend(Shard& shard);
  void run();

  CopyPeer& peer_;
  const NodeId self_;
  const std::map<ShardId, ShardConfig> placement_;
  asio::thread_pool callers_{1};

  std::mutex mutex_;
  std::condition_variable wake_;
  ShardsHere shards_;
  std::set<ShardId> damaged_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace everpost::cluster
