// MailStore over the shards of this node: all of them, on a single node.
#pragma once

#include <map>
#include <shared_mutex>

#include "cluster/disk_space.h"
#include "cluster/mail_store.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

class LocalMailStore : public MailStore {
 public:
  // `shards` (mail shards only), `time`, `space` and `pool`, on which reads run, outlive the store.
  LocalMailStore(NodeId node, std::map<ShardId, Shard*> shards, LogTime& time, DiskSpace& space,
                 asio::thread_pool& pool);
  // Another one, which outlives the store, too. Any thread.
  void add(Shard& shard);

  OpId new_op() override;
  Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                    std::vector<SharedBytes> body) override;
  Task<storage::Extent> stage(ShardId shard, Uuid upload, std::uint32_t n,
                              SharedBytes bytes) override;
  void abort_upload(ShardId shard, Uuid upload) override;

  Task<storage::AccountInfo> account(ShardId shard, AccountId account) override;
  Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId shard, AccountId account) override;
  Task<std::vector<std::string>> subscriptions(ShardId shard, AccountId account) override;
  Task<storage::MailboxInfo> find_mailbox(ShardId shard, AccountId account,
                                          std::string name) override;
  Task<OpenMailbox> open_mailbox(ShardId shard, MailboxId mailbox) override;
  Task<std::vector<storage::MessageInfo>> messages(ShardId shard, MailboxId mailbox,
                                                   storage::UidSet uids,
                                                   std::size_t limit) override;
  Task<storage::MailboxChanges> changes(ShardId shard, MailboxId mailbox, ModSeq since) override;
  Task<std::vector<std::string>> read(ShardId shard, std::vector<ByteRange> ranges) override;
  Task<void> with_reader(ShardId shard,
                         std::function<Result<void>(const BlockingRead&)> work) override;
  Task<std::vector<storage::QueueEntry>> queue(ShardId shard, std::uint64_t from_queue_id,
                                               std::size_t limit) override;

  std::unique_ptr<Watch> watch_mailbox(ShardId shard, MailboxId mailbox,
                                       std::function<void()> changed) override;
  std::unique_ptr<Watch> watch_account(ShardId shard, AccountId account,
                                       std::function<void()> changed) override;
  std::vector<ShardId> mail_shards() const override;

 private:
  Result<Shard*> find(ShardId shard) const;
  // Runs `query` on the pool, on the newest applied state of the shard.
  template <class T>
  Task<T> ask(ShardId shard, std::move_only_function<Result<T>(const storage::MailReader&)> query);

  const NodeId node_;
  mutable std::shared_mutex mutex_;
  std::map<ShardId, Shard*> shards_;
  LogTime& time_;
  DiskSpace& space_;
  asio::thread_pool& pool_;
};

}  // namespace everpost::cluster
