#include "cluster/router/remote_mail_store.h"

#include <future>

#include "cluster/router/block_reader.h"
#include "cluster/router/read_plan.h"
#include "cluster/router/watch_client.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kBatchBytes = 1 << 20;
constexpr unsigned kAbortsMax = 1000;
constexpr int kViewsMax = 5;  // attempts at one list of an account's mailboxes

// The local store's answer in the form of another node's.
template <class As, class T>
Task<Answer> as_answer(Task<T> task) {
  CO_ASSIGN_OR_RETURN(T value, co_await std::move(task));
  co_return Answer(As{std::move(value)});
}

Task<Answer> abort_here(MailStore& local, ShardId shard, Uuid upload) {
  local.abort_upload(shard, upload);
  co_return Answer(Nothing{});
}

std::uint32_t at_most_u32(std::size_t limit) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(limit, UINT32_MAX));
}

// Those of `uids` behind `last`.
storage::UidSet behind(const storage::UidSet& uids, Uid last) {
  storage::UidSet rest;
  for (const storage::UidSet::Range& range : uids.ranges())
    if (range.last > last) rest.add(std::max(range.first, Uid{last.value + 1}), range.last);
  return rest;
}

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  if (to.empty())
    to = std::move(from);
  else
    std::ranges::move(from, std::back_inserter(to));
}

}  // namespace

RemoteMailStore::RemoteMailStore(Options options, MailStore& local, ShardMap& map, MailPeer& peer)
    : local_(local),
      map_(map),
      route_(options.node, map, peer, background_.get_executor(), options.route),
      work_(options.work_threads),
      watches_(std::make_unique<WatchClient>(route_, local, background_.get_executor())) {}

RemoteMailStore::~RemoteMailStore() {
  stop();
  work_.join();
  background_.join();
}

void RemoteMailStore::stop() {
  route_.stop();
  watches_->stop();
}

template <class T>
Task<T> RemoteMailStore::ask(ShardId shard, RequestBody what, std::function<Task<Answer>()> here) {
  CO_ASSIGN_OR_RETURN(Answer answer,
                      co_await route_.ask({shard, std::move(what)}, std::move(here)));
  if (auto* wanted = std::get_if<T>(&answer)) co_return std::move(*wanted);
  co_return Error{ErrorCode::kCorrupt, "a node answered something else than it was asked"};
}

Task<storage::MailOutcome> RemoteMailStore::submit(ShardId shard, storage::MailTxn txn,
                                                   std::vector<SharedBytes> body) {
  auto here = [this, shard, txn, body] {
    return as_answer<storage::MailOutcome>(local_.submit(shard, txn, body));
  };
  co_return co_await ask<storage::MailOutcome>(
      shard, SubmitRequest{std::move(txn), std::move(body)}, std::move(here));
}

Task<storage::Extent> RemoteMailStore::stage(ShardId shard, Uuid upload, std::uint32_t n,
                                             SharedBytes bytes) {
  co_return co_await ask<storage::Extent>(
      shard, StageRequest{upload, n, bytes}, [this, shard, upload, n, bytes] {
        return as_answer<storage::Extent>(local_.stage(shard, upload, n, bytes));
      });
}

void RemoteMailStore::abort_upload(ShardId shard, Uuid upload) {
  // While a shard is away they would pile up; what is lost expires by itself.
  if (route_.stopped() || aborts_ >= kAbortsMax) return;
  ++aborts_;
  asio::co_spawn(background_,
                 ask<Nothing>(shard, AbortUploadRequest{upload},
                              [this, shard, upload] { return abort_here(local_, shard, upload); }),
                 [this](std::exception_ptr, const Result<Nothing>&) { --aborts_; });
}

Task<storage::AccountInfo> RemoteMailStore::account(ShardId shard, AccountId account) {
  co_return co_await ask<storage::AccountInfo>(shard, AccountRequest{account}, [=, this] {
    return as_answer<storage::AccountInfo>(local_.account(shard, account));
  });
}

Task<std::vector<storage::MailboxInfo>> RemoteMailStore::mailboxes(ShardId shard,
                                                                   AccountId account) {
  std::vector<storage::MailboxInfo> all;
  std::optional<std::uint32_t> view;
  std::string after;
  for (int views = 0; views < kViewsMax;) {
    CO_ASSIGN_OR_RETURN(
        MailboxesPage page,
        co_await ask<MailboxesPage>(shard, MailboxesRequest{account, after}, [=, this] {
          return as_answer<MailboxesPage>(local_.mailboxes(shard, account));
        }));
    if (view && page.view != *view) {
      // Something was renamed between the pages: it might be on both, or on neither. (Should this
      // node be the primary now, its page is all of the list, and its view 0.)
      all.clear();
      after.clear();
      view.reset();
      ++views;
      continue;
    }
    view = page.view;
    const bool more = page.more && !page.mailboxes.empty();
    append(all, std::move(page.mailboxes));
    if (!more) co_return all;
    after = all.back().name;
  }
  co_return Error{ErrorCode::kBusy,
                  "the account's mailboxes change faster than they can be listed"};
}

Task<std::vector<std::string>> RemoteMailStore::subscriptions(ShardId shard, AccountId account) {
  std::vector<std::string> all;
  for (;;) {
    const std::string after = all.empty() ? std::string() : all.back();
    CO_ASSIGN_OR_RETURN(
        NamesPage page,
        co_await ask<NamesPage>(shard, SubscriptionsRequest{account, after}, [=, this] {
          return as_answer<NamesPage>(local_.subscriptions(shard, account));
        }));
    // This node, should it be the primary now, tells all of them.
    std::erase_if(page.names, [&](const std::string& name) { return name <= after; });
    const bool more = page.more && !page.names.empty();
    append(all, std::move(page.names));
    if (!more) co_return all;
  }
}

Task<storage::MailboxInfo> RemoteMailStore::find_mailbox(ShardId shard, AccountId account,
                                                         std::string name) {
  co_return co_await ask<storage::MailboxInfo>(
      shard, FindMailboxRequest{account, name}, [this, shard, account, name] {
        return as_answer<storage::MailboxInfo>(local_.find_mailbox(shard, account, name));
      });
}

Task<MailStore::OpenMailbox> RemoteMailStore::open_mailbox(ShardId shard, MailboxId mailbox) {
  co_return co_await ask<OpenMailbox>(shard, OpenMailboxRequest{mailbox}, [=, this] {
    return as_answer<OpenMailbox>(local_.open_mailbox(shard, mailbox));
  });
}

Task<std::vector<storage::MessageInfo>> RemoteMailStore::messages(ShardId shard, MailboxId mailbox,
                                                                  storage::UidSet uids,
                                                                  std::size_t limit) {
  std::vector<storage::MessageInfo> all;
  for (;;) {
    const std::size_t left = limit - all.size();
    CO_ASSIGN_OR_RETURN(
        MessagesPage page,
        co_await ask<MessagesPage>(
            shard, MessagesRequest{mailbox, uids, at_most_u32(left)}, [&, shard, mailbox, left] {
              return as_answer<MessagesPage>(local_.messages(shard, mailbox, uids, left));
            }));
    if (page.messages.size() > left) page.messages.resize(left);
    const bool more = page.more && !page.messages.empty();
    append(all, std::move(page.messages));
    if (!more || all.size() == limit) co_return all;
    uids = behind(uids, all.back().uid);
    if (uids.empty()) co_return all;
  }
}

Task<storage::MailboxChanges> RemoteMailStore::changes(ShardId shard, MailboxId mailbox,
                                                       ModSeq since) {
  co_return co_await ask<storage::MailboxChanges>(shard, ChangesRequest{mailbox, since}, [=, this] {
    return as_answer<storage::MailboxChanges>(local_.changes(shard, mailbox, since));
  });
}

Task<std::vector<storage::QueueEntry>> RemoteMailStore::queue(ShardId shard,
                                                              std::uint64_t from_queue_id,
                                                              std::size_t limit) {
  std::vector<storage::QueueEntry> all;
  for (;;) {
    const std::size_t left = limit - all.size();
    CO_ASSIGN_OR_RETURN(
        QueuePage page,
        co_await ask<QueuePage>(shard, QueueRequest{from_queue_id, at_most_u32(left)}, [=, this] {
          return as_answer<QueuePage>(local_.queue(shard, from_queue_id, left));
        }));
    if (page.entries.size() > left) page.entries.resize(left);
    const bool more = page.more && !page.entries.empty();
    append(all, std::move(page.entries));
    if (!more || all.size() == limit) co_return all;
    if (all.back().queue_id < from_queue_id)
      co_return Error{ErrorCode::kCorrupt, "a node answered queue entries nobody asked for"};
    from_queue_id = all.back().queue_id + 1;
  }
}

// ---- bytes of messages

Task<std::vector<std::string>> RemoteMailStore::read(ShardId shard, std::vector<ByteRange> ranges) {
  std::uint64_t bytes = 0;
  for (const ByteRange& range : ranges) bytes += bytes_of(range);
  if (bytes > kReadBytesMax) co_return Error{ErrorCode::kTooLarge, "more than 64 MiB in one read"};
  co_return co_await read_batches(shard, ranges.size(), plan_read(ranges, kBatchBytes));
}

Task<std::vector<std::string>> RemoteMailStore::read_batches(ShardId shard, std::size_t texts,
                                                             std::vector<ReadBatch> batches) {
  std::vector<std::string> all(texts);
  for (ReadBatch& batch : batches) {
    const std::vector<ByteRange>& pieces = batch.pieces;
    CO_ASSIGN_OR_RETURN(Texts got,
                        co_await ask<Texts>(shard, ReadRequest{pieces}, [this, shard, &pieces] {
                          return as_answer<Texts>(local_.read(shard, pieces));
                        }));
    if (got.texts.size() != pieces.size())
      co_return Error{ErrorCode::kCorrupt, "a node answered other texts than it was asked for"};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (got.texts[i].size() != pieces[i].bytes)
        co_return Error{ErrorCode::kCorrupt, "a node answered a text of another size"};
      std::string& text = all[batch.of[i]];
      if (text.empty())
        text = std::move(got.texts[i]);
      else
        text += got.texts[i];
    }
  }
  co_return all;
}

Task<void> RemoteMailStore::with_reader(ShardId shard,
                                        std::function<Result<void>(const BlockingRead&)> work) {
  if (map_.primary(shard) == route_.self()) {
    // What has begun here is not begun again elsewhere.
    const auto begun = std::make_shared<std::atomic<bool>>(false);
    const Result<void> done =
        co_await local_.with_reader(shard, [begun, work](const BlockingRead& read) {
          *begun = true;
          return work(read);
        });
    if (done || *begun || !worth_retrying(done.error().code)) co_return done;
  }
  co_return co_await work_elsewhere(shard, std::move(work));
}

Task<void> RemoteMailStore::work_elsewhere(ShardId shard,
                                           std::function<Result<void>(const BlockingRead&)> work) {
  co_return co_await run_on(
      work_.get_executor(), [this, shard, work = std::move(work)]() -> Result<void> {
        BlockReader reader([this, shard](std::vector<storage::Extent> extents) {
          const auto promise = std::make_shared<std::promise<Result<std::string>>>();
          std::vector<ByteRange> ranges(1);
          ranges[0].extents = std::move(extents);
          asio::co_spawn(background_, read(shard, std::move(ranges)),
                         [promise](std::exception_ptr, Result<std::vector<std::string>> texts) {
                           if (!texts || texts->empty())
                             return promise->set_value(
                                 texts ? Error{ErrorCode::kInternal, "a read without a text"}
                                       : std::move(texts).error());
                           promise->set_value(std::move(texts->front()));
                         });
          return promise->get_future();
        });
        return work(
            [&reader](const std::vector<storage::Extent>& extents, std::uint64_t offset,
                      std::span<std::byte> to) { return reader.read(extents, offset, to); });
      });
}

// ---- watches

std::unique_ptr<Watch> RemoteMailStore::watch_mailbox(ShardId shard, MailboxId mailbox,
                                                      std::function<void()> changed) {
  return watches_->watch(shard, {WatchKey::Kind::kMailbox, mailbox.value}, std::move(changed));
}

std::unique_ptr<Watch> RemoteMailStore::watch_account(ShardId shard, AccountId account,
                                                      std::function<void()> changed) {
  return watches_->watch(shard, {WatchKey::Kind::kAccount, account.value}, std::move(changed));
}

}  // namespace everpost::cluster
