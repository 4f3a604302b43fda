// A MailStore in memory for tests of what submits to one: keeps what it is given, answers as it is
// told.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/mail_store.h"

namespace everpost {

class MemoryMailStore : public cluster::MailStore {
 public:
  struct Submitted {
    ShardId shard;
    storage::MailTxn txn;
    std::string body;
    std::string message;  // put together from chunks and body
    std::string summary;
  };

  // What is kept; look only when the client has its reply.
  std::vector<Submitted> submitted;
  std::map<Uuid, std::map<std::uint32_t, std::string>> uploads;
  std::vector<Uuid> aborted;
  std::map<AccountId, storage::AccountInfo> accounts;

  // How it answers.
  std::optional<Error> submit_error, outcome_error, stage_error;
  std::map<AccountId, Error> target_errors;
  std::chrono::milliseconds stage_delay{0};
  std::size_t staging_now = 0, staging_most = 0;

  OpId new_op() override { return OpId{495972, 1, ++ops_}; }

  Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                    std::vector<SharedBytes> body) override {
    if (submit_error) co_return *submit_error;
    storage::MailOutcome outcome;
    outcome.lsn = Lsn{8 * (submitted.size() + 1)};
    outcome.error = outcome_error;
    Submitted entry{shard, txn, {}, {}, {}};
    for (const SharedBytes& part : body) entry.body += *part;
    for (const storage::MailCommand& command : txn.commands) {
      if (outcome.error) break;
      if (const auto* add = std::get_if<storage::AddMessage>(&command)) {
        take(entry, add->content);
        std::vector<storage::AddedMessage> added(add->targets.size());
        for (std::size_t i = 0; i < added.size(); ++i)
          if (const auto error = target_errors.find(add->targets[i].account);
              error != target_errors.end())
            added[i].error = error->second;
        outcome.results.emplace_back(std::move(added));
      } else if (const auto* queue = std::get_if<storage::QueueAdd>(&command)) {
        take(entry, queue->content);
        outcome.results.emplace_back(storage::QueuedMessage{outcome.lsn.value});
      } else {
        outcome.results.emplace_back(storage::Done{});
      }
    }
    submitted.push_back(std::move(entry));
    co_return outcome;
  }

  Task<storage::Extent> stage(ShardId, Uuid upload, std::uint32_t n, SharedBytes bytes) override {
    auto& chunks = uploads[upload];
    if (n != chunks.size()) co_return Error{ErrorCode::kInvalidArgument, "chunks out of order"};
    chunks[n] = *bytes;
    staging_most = std::max(staging_most, ++staging_now);
    if (stage_delay.count() > 0) {
      asio::steady_timer timer(co_await asio::this_coro::executor, stage_delay);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --staging_now;
    if (stage_error) co_return *stage_error;
    extents_.push_back(*bytes);
    co_return storage::Extent{Lsn{extents_.size() - 1}, static_cast<std::uint32_t>(bytes->size()),
                              0};
  }
  void abort_upload(ShardId, Uuid upload) override { aborted.push_back(upload); }

  Task<storage::AccountInfo> account(ShardId, AccountId account) override {
    const auto found = accounts.find(account);
    if (found == accounts.end()) co_return Error{ErrorCode::kNotFound, "no such account"};
    co_return found->second;
  }
  Task<void> with_reader(ShardId, std::function<Result<void>(const BlockingRead&)> work) override {
    co_return work([this](const std::vector<storage::Extent>& extents, std::uint64_t offset,
                          std::span<std::byte> to) -> Result<void> {
      ++reads;
      const std::string& bytes = extents_.at(extents.at(0).at.value);
      std::memcpy(to.data(), bytes.data() + offset, to.size());
      return {};
    });
  }
  std::size_t reads = 0;

  std::vector<ShardId> mail_shards() const override { return {ShardId{1}, ShardId{2}}; }

  // What deliveries do not need.
  Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId, AccountId) override { return no(); }
  Task<std::vector<std::string>> subscriptions(ShardId, AccountId) override { return no(); }
  Task<storage::MailboxInfo> find_mailbox(ShardId, AccountId, std::string) override { return no(); }
  Task<OpenMailbox> open_mailbox(ShardId, MailboxId) override { return no(); }
  Task<std::vector<storage::MessageInfo>> messages(ShardId, MailboxId, storage::UidSet,
                                                   std::size_t) override {
    return no();
  }
  Task<storage::MailboxChanges> changes(ShardId, MailboxId, ModSeq) override { return no(); }
  Task<std::vector<std::string>> read(ShardId, std::vector<cluster::ByteRange>) override {
    return no();
  }
  Task<std::vector<storage::QueueEntry>> queue(ShardId, std::uint64_t, std::size_t) override {
    return no();
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
  struct No {
    template <class T>
    operator Task<T>() const {  // NOLINT
      return refuse<T>();
    }
    template <class T>
    static Task<T> refuse() {
      co_return Error{ErrorCode::kUnsupported, "not needed here"};
    }
  };
  static No no() { return {}; }

  void take(Submitted& entry, const storage::NewContent& content) {
    entry.message.clear();
    if (content.upload)
      for (std::uint32_t n = 0; n < content.chunks; ++n)
        entry.message += uploads.at(*content.upload).at(n);
    entry.message += entry.body.substr(0, content.own_bytes);
    entry.summary = entry.body.substr(content.own_bytes, content.summary_bytes);
  }

  std::uint64_t ops_ = 0;
  std::vector<std::string> extents_;
};

}  // namespace everpost
