// Brings a request to a shard's primary, wherever that is, and goes on trying while the shard fails
// over.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "base/asio.h"
#include "cluster/router/mail_peer.h"
#include "cluster/router/mail_wire.h"

namespace everpost::cluster {

struct RouteOptions {
  // Of one request, all attempts together.
  Micros deadline = std::chrono::seconds{30};
  // Of one attempt: a node that does not answer for so long is asked again. Links that break are
  // noticed by the transport, at once.
  Micros attempt = std::chrono::seconds{10};
  // Before an attempt: none before the second, then this, and twice as long each time.
  Micros wait_first = std::chrono::milliseconds{10};
  Micros wait_max = std::chrono::milliseconds{200};
  // While an attempt waits for its answer: whether somebody else is the primary now.
  Micros look_every = std::chrono::milliseconds{50};
};

// The waits before attempts.
class RetryWaits {
 public:
  explicit RetryWaits(const RouteOptions& options) : options_(options) {}
  Micros next() {
    const Micros wait = next_;
    next_ = std::min(options_.wait_max, std::max(options_.wait_first, 2 * wait));
    return wait;
  }
  void reset() { next_ = Micros{0}; }

 private:
  const RouteOptions options_;
  Micros next_{0};
};

// Whether an operation that failed so may succeed with the next primary: nothing is decided yet.
bool worth_retrying(ErrorCode code);

class PrimaryRoute {
 public:
  // `map` and `peer` outlive it. Calls to other nodes are made on `background`, which has one
  // thread that never blocks: the caller's executor may have several, or end soon after the answer.
  PrimaryRoute(NodeId self, ShardMap& map, MailPeer& peer, asio::any_io_executor background,
               RouteOptions options)
      : self_(self),
        map_(map),
        peer_(peer),
        background_(std::move(background)),
        options_(options) {}

  // Asks the primary: by `here` if it is this node, or else by `request`, which is sent as often as
  // it takes. What it changes must happen once however often it arrives (an op_id does that).
  // Errors: the primary's; kUnavailable (nobody answered until the deadline; it may still happen),
  // kClosed (after stop()), kNotFound (no such shard). A caller that is cancelled meanwhile waits
  // for the end of the attempt.
  Task<Answer> ask(Request request, std::function<Task<Answer>()> here);

  // Requests under way, and later ones, fail with kClosed soon.
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  NodeId self() const { return self_; }
  ShardMap& map() const { return map_; }
  MailPeer& peer() const { return peer_; }
  const RouteOptions& options() const { return options_; }

 private:
  // One attempt at another node; runs in the background.
  Task<std::string> call(NodeId node, ShardId shard, std::string bytes, Micros timeout);
  bool exists(ShardId shard);

  const NodeId self_;
  ShardMap& map_;
  MailPeer& peer_;
  const asio::any_io_executor background_;
  const RouteOptions options_;
  std::atomic<bool> stopped_{false};
};

}  // namespace everpost::cluster
