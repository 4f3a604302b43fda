// The DirectoryStore of a node in a cluster: reads are of this node's replica; changes go to the
// directory's primary, wherever it is, as in remote_mail_store.h.
#pragma once

#include "cluster/directory_store.h"
#include "cluster/router/primary_route.h"

namespace everpost::cluster {

class RemoteDirectoryStore : public DirectoryStore {
 public:
  // How long a change that was made elsewhere is waited for in this node's replica.
  static constexpr std::chrono::seconds kCatchUp{2};

  // `local`, `map` and `peer` outlive the store. `local.version()` is the LSN up to which this
  // node's replica has applied the log.
  RemoteDirectoryStore(NodeId self, DirectoryStore& local, ShardMap& map, MailPeer& peer,
                       RouteOptions options = {})
      : local_(local), route_(self, map, peer, background_.get_executor(), options) {}
  // Calls must have ended.
  ~RemoteDirectoryStore() override {
    stop();
    background_.join();
  }

  // Once it has returned, this node's reads see the change; if its replica is too far behind (for
  // it is lost to the primary, say), they see it later.
  Task<storage::DirectoryOutcome> submit(storage::DirectoryTxn txn) override;
  OpId new_op() override { return local_.new_op(); }
  std::uint64_t version() const override { return local_.version(); }

  // Calls under way, and later ones, fail with kClosed soon. From any thread.
  void stop() { route_.stop(); }

 protected:
  Task<void> read_any(std::function<Result<void>(const storage::DirectoryReader&)> query) override;

 private:
  DirectoryStore& local_;
  asio::thread_pool background_{1};
  PrimaryRoute route_;
};

}  // namespace everpost::cluster
