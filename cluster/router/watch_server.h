// The primary's side of watches: what changed is told to the nodes whose clients watch it.
//
// A node's *session* for a shard is the set of what it watches there. It is made by the first
// request (`seq` 1) and changed by those that follow, each of which is held until something of the
// session has changed, or its time is up: at most one call under way for all of a node's watches.
// What changes between two requests is kept for the next.
//
//   session  random; another one replaces it, for a (node, shard) has one
//   seq      grows; a request ends the one before, which is answered with nothing
//   heard    the last answer that arrived: what was told since is told again
//   add      answered at once, so that the client knows that from now on it will be told: then it
//            has to look itself for what happened before
//   wait     at most kWaitMax; a session without requests for twice as long may be forgotten
//
// Errors, after which the client begins a new session and looks at everything: kNotFound (there is
// no such session: this node has restarted, say), kConflict (an old request), kNotPrimary, kLimit,
// kClosed (stopping).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/asio.h"
#include "cluster/mail_store.h"
#include "cluster/router/mail_wire.h"

namespace everpost::cluster {

class WatchServer {
 public:
  static constexpr std::chrono::seconds kWaitMax{60};
  static constexpr std::size_t kKeysMax = 1'000'000;  // of one session

  // `mail` outlives it; watches of a shard that is not led here are null.
  explicit WatchServer(MailStore& mail) : mail_(mail) {}
  // No poll() is under way any more.
  ~WatchServer();

  Task<Fired> poll(NodeId from, ShardId shard, WatchRequest request);
  // Requests under way, and later ones, are answered with kClosed. From any thread.
  void stop();

 private:
  class Session;

  Result<std::shared_ptr<Session>> find(NodeId from, ShardId shard, const WatchRequest& request);
  // Takes out the sessions of clients that have gone away without a word.
  void forget_left(std::vector<std::shared_ptr<Session>>& left);
  Task<Fired> wait(asio::any_io_executor strand, std::shared_ptr<Session> session,
                   WatchRequest request);

  MailStore& mail_;
  std::mutex mutex_;
  std::map<std::pair<NodeId, ShardId>, std::shared_ptr<Session>> sessions_;
  bool stopped_ = false;
};

}  // namespace everpost::cluster
