// What the router needs of the cluster: where a shard's primary is, and a way to ask it. The
// daemon implements both over the coordinator and rpc/; tests break them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/clock.h"
#include "base/ids.h"

namespace everpost::cluster {

// Carries a request to a node's MailServer, and the answer back.
class MailPeer {
 public:
  virtual ~MailPeer() = default;
  // Resumes on the caller's executor. Cancelling the awaitable (on that executor) gives up at once.
  // An error is the transport's own (the store's are inside the answer): kUnavailable (the node did
  // not get it), kClosed and kTimeout (nobody knows), kBusy, kTooLarge, kUnsupported.
  virtual Task<std::string> call(NodeId node, std::string request, Micros timeout) = 0;
};

// What this node knows of the shards' primaries. Callable from any thread; must not block.
class ShardMap {
 public:
  virtual ~ShardMap() = default;
  // The primary, as far as is known; may be out of date. None: nobody, or not known yet.
  virtual std::optional<NodeId> primary(ShardId shard) = 0;
  // `node` says that it is not the shard's primary: time to look again.
  virtual void wrong(ShardId shard, NodeId node) = 0;
  // All mail shards of the cluster. Complete from the start.
  virtual std::vector<ShardId> mail_shards() = 0;
};

}  // namespace everpost::cluster
