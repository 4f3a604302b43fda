// A node's mail store, whose answers a test can spoil. What is not told to fail goes through.
#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "cluster/mail_store.h"

namespace everpost::node::imap {

class FaultyStore : public cluster::MailStore {
 public:
  enum class Call : std::uint8_t { kSubmit, kMessages, kChanges, kRead, kWithReader };

  explicit FaultyStore(cluster::MailStore& real) : real_(real) {}

  // The next calls fail with these, in turn. A submit() that fails with kTimeout has been committed
  // all the same.
  void fail(Call call, std::deque<ErrorCode> errors) {
    const std::scoped_lock lock(mutex_);
    calls_[call].errors = std::move(errors);
  }
  // Runs in each such call, before it is looked at.
  void on(Call call, std::function<void()> hook) {
    const std::scoped_lock lock(mutex_);
    calls_[call].hook = std::move(hook);
  }
  std::size_t count(Call call) {
    const std::scoped_lock lock(mutex_);
    return calls_[call].count;
  }
  std::atomic<bool> deaf{false};  // nobody is told of changes

  OpId new_op() override { return real_.new_op(); }
  Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                    std::vector<SharedBytes> body) override {
    const auto error = called(Call::kSubmit);
    if (error && *error != ErrorCode::kTimeout) co_return Error{*error, "spoilt"};
    auto outcome = co_await real_.submit(shard, std::move(txn), std::move(body));
    if (error) co_return Error{*error, "spoilt"};
    co_return outcome;
  }
  Task<storage::Extent> stage(ShardId shard, Uuid upload, std::uint32_t n,
                              SharedBytes bytes) override {
    return real_.stage(shard, upload, n, std::move(bytes));
  }
  void abort_upload(ShardId shard, Uuid upload) override { real_.abort_upload(shard, upload); }

  Task<storage::AccountInfo> account(ShardId shard, AccountId account) override {
    return real_.account(shard, account);
  }
  Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId shard, AccountId account) override {
    return real_.mailboxes(shard, account);
  }
  Task<std::vector<std::string>> subscriptions(ShardId shard, AccountId account) override {
    return real_.subscriptions(shard, account);
  }
  Task<storage::MailboxInfo> find_mailbox(ShardId shard, AccountId account,
                                          std::string name) override {
    return real_.find_mailbox(shard, account, std::move(name));
  }
  Task<OpenMailbox> open_mailbox(ShardId shard, MailboxId mailbox) override {
    return real_.open_mailbox(shard, mailbox);
  }
  Task<std::vector<storage::MessageInfo>> messages(ShardId shard, MailboxId mailbox,
                                                   storage::UidSet uids,
                                                   std::size_t limit) override {
    if (const auto error = called(Call::kMessages)) co_return Error{*error, "spoilt"};
    co_return co_await real_.messages(shard, mailbox, std::move(uids), limit);
  }
  Task<storage::MailboxChanges> changes(ShardId shard, MailboxId mailbox, ModSeq since) override {
    if (const auto error = called(Call::kChanges)) co_return Error{*error, "spoilt"};
    co_return co_await real_.changes(shard, mailbox, since);
  }
  Task<std::vector<std::string>> read(ShardId shard,
                                      std::vector<cluster::ByteRange> ranges) override {
    if (const auto error = called(Call::kRead)) co_return Error{*error, "spoilt"};
    co_return co_await real_.read(shard, std::move(ranges));
  }
  Task<void> with_reader(ShardId shard,
                         std::function<Result<void>(const BlockingRead&)> work) override {
    if (const auto error = called(Call::kWithReader)) co_return Error{*error, "spoilt"};
    co_return co_await real_.with_reader(shard, std::move(work));
  }
  Task<std::vector<storage::QueueEntry>> queue(ShardId shard, std::uint64_t from_queue_id,
                                               std::size_t limit) override {
    return real_.queue(shard, from_queue_id, limit);
  }
  std::unique_ptr<cluster::Watch> watch_mailbox(ShardId shard, MailboxId mailbox,
                                                std::function<void()> changed) override {
    return deaf ? nullptr : real_.watch_mailbox(shard, mailbox, std::move(changed));
  }
  std::unique_ptr<cluster::Watch> watch_account(ShardId shard, AccountId account,
                                                std::function<void()> changed) override {
    return real_.watch_account(shard, account, std::move(changed));
  }
  std::vector<ShardId> mail_shards() const override { return real_.mail_shards(); }

 private:
  struct Behaviour {
    std::deque<ErrorCode> errors;
    std::function<void()> hook;
    std::size_t count = 0;
  };

  // How this call fails, if it does.
  std::optional<ErrorCode> called(Call call) {
    const std::scoped_lock lock(mutex_);
    Behaviour& now = calls_[call];
    ++now.count;
    if (now.hook) now.hook();
    if (now.errors.empty()) return std::nullopt;
    const ErrorCode error = now.errors.front();
    now.errors.pop_front();
    return error;
  }

  cluster::MailStore& real_;
  std::mutex mutex_;
  std::map<Call, Behaviour> calls_;
};

}  // namespace everpost::node::imap
