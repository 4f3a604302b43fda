// DirectoryStore over the directory shard of this node.
#pragma once

#include "cluster/directory_store.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

class LocalDirectoryStore : public DirectoryStore {
 public:
  // `shard`, `time` and `pool`, on which reads run, outlive the store.
  LocalDirectoryStore(NodeId node, Shard& shard, LogTime& time, asio::thread_pool& pool)
      : node_(node), shard_(shard), time_(time), pool_(pool) {}

  Task<storage::DirectoryOutcome> submit(storage::DirectoryTxn txn) override;
  OpId new_op() override;
  std::uint64_t version() const override { return shard_.replica().applied().value; }

 protected:
  Task<void> read_any(std::function<Result<void>(const storage::DirectoryReader&)> query) override;

 private:
  const NodeId node_;
  Shard& shard_;
  LogTime& time_;
  asio::thread_pool& pool_;
};

}  // namespace everpost::cluster
