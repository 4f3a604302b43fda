// A mail store in memory that knows accounts and nothing else, for tests of the administration.
#pragma once

#include <map>

#include "cluster/mail_store.h"

namespace everpost {

class MemoryMail : public cluster::MailStore {
 public:
  std::map<std::pair<ShardId, AccountId>, storage::AccountInfo> accounts;
  std::vector<ShardId> shards{ShardId{1}, ShardId{2}};
  std::optional<Error> broken;  // what writes answer

  OpId new_op() override { return OpId{1, 1, ++ops_}; }
  Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                    std::vector<SharedBytes>) override {
    if (broken) co_return *broken;
    storage::MailOutcome outcome;
    for (const storage::MailCommand& command : txn.commands) {
      if (const auto* create = std::get_if<storage::CreateAccount>(&command)) {
        accounts.try_emplace({shard, create->account},
                             storage::AccountInfo{create->account, create->quota_bytes, 0, 0});
      } else if (const auto* set = std::get_if<storage::SetQuota>(&command)) {
        accounts[{shard, set->account}].quota_bytes = set->quota_bytes;
      } else if (const auto* remove = std::get_if<storage::DeleteAccount>(&command)) {
        if (accounts.erase({shard, remove->account}) == 0)
          outcome.error = Error{ErrorCode::kNotFound, "account"};
      }
      outcome.results.emplace_back(storage::Done{});
    }
    co_return outcome;
  }
  Task<storage::AccountInfo> account(ShardId shard, AccountId account) override {
    const auto found = accounts.find({shard, account});
    if (found == accounts.end()) co_return Error{ErrorCode::kNotFound, "account"};
    co_return found->second;
  }
  std::vector<ShardId> mail_shards() const override { return shards; }

  // Not the administration's business.
  Task<storage::Extent> stage(ShardId, Uuid, std::uint32_t, SharedBytes) override {
    co_return none();
  }
  void abort_upload(ShardId, Uuid) override {}
  Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId, AccountId) override {
    co_return none();
  }
  Task<std::vector<std::string>> subscriptions(ShardId, AccountId) override { co_return none(); }
  Task<storage::MailboxInfo> find_mailbox(ShardId, AccountId, std::string) override {
    co_return none();
  }
  Task<OpenMailbox> open_mailbox(ShardId, MailboxId) override { co_return none(); }
  Task<std::vector<storage::MessageInfo>> messages(ShardId, MailboxId, storage::UidSet,
                                                   std::size_t) override {
    co_return none();
  }
  Task<storage::MailboxChanges> changes(ShardId, MailboxId, ModSeq) override { co_return none(); }
  Task<std::vector<std::string>> read(ShardId, std::vector<cluster::ByteRange>) override {
    co_return none();
  }
  Task<void> with_reader(ShardId, std::function<Result<void>(const BlockingRead&)>) override {
    co_return none();
  }
  Task<std::vector<storage::QueueEntry>> queue(ShardId, std::uint64_t, std::size_t) override {
    co_return none();
  }
  std::unique_ptr<cluster::Watch> watch_mailbox(ShardId, MailboxId,
                                                std::function<void()>) override {
    return nullptr;
  }
  std::unique_ptr<cluster::Watch> watch_account(ShardId, AccountId,
                                                std::function<void()>) override {
    return nullptr;
  }

 private:
  static Error none() { return Error{ErrorCode::kUnsupported, "not in this test"}; }
  std::uint64_t ops_ = 0;
};

}  // namespace everpost
