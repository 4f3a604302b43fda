// This node's watches of all shards, kept registered with whoever is primary: with the local store
// if that is this node, or else in a session of the primary's WatchServer.
//
// A watch is registered soon after it was made, and anew when the primary was lost or has moved.
// What changed before that is not known, so each time its callback is called once: at worst in
// vain, but never too seldom.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/asio.h"
#include "cluster/mail_store.h"
#include "cluster/router/mail_wire.h"
#include "cluster/router/primary_route.h"

namespace everpost::cluster {

class WatchClient {
 public:
  // `route` and `local` outlive what runs on `executor`, which has one thread.
  WatchClient(PrimaryRoute& route, MailStore& local, asio::any_io_executor executor);
  ~WatchClient();

  // As MailStore::watch_mailbox(). From any thread.
  std::unique_ptr<Watch> watch(ShardId shard, WatchKey key, std::function<void()> changed);
  // After the route's stop(): what runs on the executor ends soon. From any thread.
  void stop();

 private:
  class ShardWatches;

  PrimaryRoute& route_;
  MailStore& local_;
  const asio::any_io_executor executor_;
  std::mutex mutex_;
  std::map<ShardId, std::shared_ptr<ShardWatches>> shards_;
};

}  // namespace everpost::cluster
