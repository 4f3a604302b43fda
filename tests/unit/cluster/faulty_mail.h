// A MailStore that passes everything on, except what a test wants to go wrong.
#pragma once

#include "cluster/mail_store.h"

namespace everpost::cluster {

class FaultyMail : public MailStore {
 public:
  explicit FaultyMail(MailStore& mail) : mail_(mail) {}

  // Asked before a submit is passed on: an answer to give instead.
  std::function<std::optional<Result<storage::MailOutcome>>(ShardId, const storage::MailTxn&)>
      instead_of_submit;
  std::atomic<unsigned> stages{0};

  OpId new_op() override { return mail_.new_op(); }
  Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                    std::vector<SharedBytes> body) override {
    if (instead_of_submit)
      if (auto answer = instead_of_submit(shard, txn)) co_return *std::move(answer);
    co_return co_await mail_.submit(shard, std::move(txn), std::move(body));
  }
  Task<storage::Extent> stage(ShardId shard, Uuid upload, std::uint32_t n,
                              SharedBytes bytes) override {
    ++stages;
    co_return co_await mail_.stage(shard, upload, n, std::move(bytes));
  }
  void abort_upload(ShardId shard, Uuid upload) override { mail_.abort_upload(shard, upload); }

  Task<storage::AccountInfo> account(ShardId shard, AccountId account) override {
    return mail_.account(shard, account);
  }
  Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId shard, AccountId account) override {
    return mail_.mailboxes(shard, account);
  }
  Task<std::vector<std::string>> subscriptions(ShardId shard, AccountId account) override {
    return mail_.subscriptions(shard, account);
  }
  Task<storage::MailboxInfo> find_mailbox(ShardId shard, AccountId account,
                                          std::string name) override {
    return mail_.find_mailbox(shard, account, std::move(name));
  }
  Task<OpenMailbox> open_mailbox(ShardId shard, MailboxId mailbox) override {
    return mail_.open_mailbox(shard, mailbox);
  }
  Task<std::vector<storage::MessageInfo>> messages(ShardId shard, MailboxId mailbox,
                                                   storage::UidSet uids,
                                                   std::size_t limit) override {
    return mail_.messages(shard, mailbox, std::move(uids), limit);
  }
  Task<storage::MailboxChanges> changes(ShardId shard, MailboxId mailbox, ModSeq since) override {
    return mail_.changes(shard, mailbox, since);
  }
  Task<std::vector<std::string>> read(ShardId shard, std::vector<ByteRange> ranges) override {
    return mail_.read(shard, std::move(ranges));
  }
  Task<void> with_reader(ShardId shard,
                         std::function<Result<void>(const BlockingRead&)> work) override {
    return mail_.with_reader(shard, std::move(work));
  }
  Task<std::vector<storage::QueueEntry>> queue(ShardId shard, std::uint64_t from_queue_id,
                                               std::size_t limit) override {
    return mail_.queue(shard, from_queue_id, limit);
  }
  std::unique_ptr<Watch> watch_mailbox(ShardId shard, MailboxId mailbox,
                                       std::function<void()> changed) override {
    return mail_.watch_mailbox(shard, mailbox, std::move(changed));
  }
  std::unique_ptr<Watch> watch_account(ShardId shard, AccountId account,
                                       std::function<void()> changed) override {
    return mail_.watch_account(shard, account, std::move(changed));
  }
  std::vector<ShardId> mail_shards() const override { return mail_.mail_shards(); }

 private:
  MailStore& mail_;
};

}  // namespace everpost::cluster
