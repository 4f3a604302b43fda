// The MailStore of a node in a cluster: each call goes to the shard's primary, in this process if
// it is here and over the network if not, and is tried again while the shard fails over. A write
// happens once: it is its op_id (of `stage`: upload and number) that counts.
//
// How it differs from what mail_store.h promises:
// - what takes a page more than one (mailboxes, messages, queue of very many) is read at several
//   moments; mailboxes() makes sure that it is one list all the same, and otherwise says kBusy
// - kUnavailable after RouteOptions::deadline: a write may have happened
// - open_mailbox() and changes() of a mailbox of more than 16 million messages, or whose UIDs have
//   more than about 4 million gaps, and messages() of such a set: kLimit
// - with_reader() reads from the primary as it goes along; its `work` runs once
#pragma once

#include <memory>

#include "cluster/mail_store.h"
#include "cluster/router/primary_route.h"

namespace everpost::cluster {

class WatchClient;

class RemoteMailStore : public MailStore {
 public:
  struct Options {
    NodeId node;  // this one
    RouteOptions route;
    // For the work of with_reader() on what other nodes have. Never those that serve other nodes:
    // two nodes would wait for each other's threads.
    unsigned work_threads = 4;
  };

  // `local` is asked when this node is the primary; on a node that is not it answers kNotPrimary or
  // kUnavailable. All three outlive the store.
  RemoteMailStore(Options options, MailStore& local, ShardMap& map, MailPeer& peer);
  // Stops and waits for what it has started itself. Calls must have ended, and watches be gone.
  ~RemoteMailStore() override;

  // Calls under way, and later ones, fail with kClosed soon. From any thread.
  void stop();

  OpId new_op() override { return local_.new_op(); }
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

  // Every watch is called once more than something has changed whenever it may have missed a
  // change: soon after it was made, and after the primary was lost or has moved.
  std::unique_ptr<Watch> watch_mailbox(ShardId shard, MailboxId mailbox,
                                       std::function<void()> changed) override;
  std::unique_ptr<Watch> watch_account(ShardId shard, AccountId account,
                                       std::function<void()> changed) override;
  std::vector<ShardId> mail_shards() const override { return map_.mail_shards(); }

 private:
  template <class T>
  Task<T> ask(ShardId shard, RequestBody what, std::function<Task<Answer>()> here);
  Task<std::vector<std::string>> read_batches(ShardId shard, std::size_t texts,
                                              std::vector<struct ReadBatch> batches);
  Task<void> work_elsewhere(ShardId shard, std::function<Result<void>(const BlockingRead&)> work);

  MailStore& local_;
  ShardMap& map_;
  asio::thread_pool background_{1};  // never blocks
  PrimaryRoute route_;
  std::atomic<unsigned> aborts_{0};  // under way
  asio::thread_pool work_;
  const std::unique_ptr<WatchClient> watches_;
};

}  // namespace everpost::cluster
