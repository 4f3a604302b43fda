#include "cluster/router/local_mail_store.h"

#include "base/log.h"
#include "cluster/router/op_ids.h"
#include "cluster/router/read_plan.h"
#include "storage/machine/mail_machine.h"

namespace everpost::cluster {
namespace {

// Reads parts of messages from the log. An extent is checked as a whole, so the last one is kept:
// whoever reads a large message in small steps reads and checks each extent once.
class ExtentReader {
 public:
  explicit ExtentReader(Shard& shard) : shard_(shard) {}

  // Copies [offset, offset + to.size()) of what `extents` hold one after the other.
  Result<void> read(const std::vector<storage::Extent>& extents, std::uint64_t offset,
                    std::span<std::byte> to) {
    for (const storage::Extent& extent : extents) {
      if (to.empty()) return {};
      if (offset >= extent.bytes) {
        offset -= extent.bytes;
        continue;
      }
      RETURN_IF_ERROR(load(extent));
      const std::size_t count = std::min<std::size_t>(to.size(), extent.bytes - offset);
      std::memcpy(to.data(), loaded_.data() + offset, count);
      to = to.subspan(count);
      offset = 0;
    }
    if (!to.empty())
      return Error{ErrorCode::kInvalidArgument, "a read beyond the end of the message"};
    return {};
  }

 private:
  Result<void> load(const storage::Extent& extent) {
    if (have_ == extent) return {};
    have_ = {};
    ASSIGN_OR_RETURN(loaded_, shard_.read(extent));
    have_ = extent;
    return {};
  }

  Shard& shard_;
  storage::Extent have_;
  std::string loaded_;
};

Result<void> check_leads(const Shard& shard) {
  if (shard.leads()) return {};
  return Error{ErrorCode::kNotPrimary, "this node does not lead shard " + to_string(shard.id())};
}

}  // namespace

LocalMailStore::LocalMailStore(NodeId node, std::map<ShardId, Shard*> shards, LogTime& time,
                               DiskSpace& space, asio::thread_pool& pool)
    : node_(node), shards_(std::move(shards)), time_(time), space_(space), pool_(pool) {}

void LocalMailStore::add(Shard& shard) {
  const std::unique_lock lock(mutex_);
  shards_.emplace(shard.id(), &shard);
}

Result<Shard*> LocalMailStore::find(ShardId shard) const {
  const std::shared_lock lock(mutex_);
  const auto found = shards_.find(shard);
  if (found == shards_.end())
    return Error{ErrorCode::kNotFound, "there is no mail shard " + to_string(shard)};
  return found->second;
}

OpId LocalMailStore::new_op() { return make_op_id(node_, time_.now()); }

Task<storage::MailOutcome> LocalMailStore::submit(ShardId shard, storage::MailTxn txn,
                                                  std::vector<SharedBytes> body) {
  CO_ASSIGN_OR_RETURN(Shard * home, find(shard));
  CO_CHECK(space_.admit(txn));
  storage::NewRecord record;
  record.type = storage::RecordType::kTxn;
  record.meta = storage::encode(txn);
  record.body = std::move(body);
  record.time = time_.now();
  if (record.meta.size() > storage::kRecordMetaBytesMax ||
      record.body_bytes() > storage::kRecordBodyBytesMax)
    co_return Error{ErrorCode::kTooLarge, "the operation is too large for one log record"};
  record.seal();
  CO_ASSIGN_OR_RETURN(Committed done, co_await home->propose(std::move(record)));
  auto* outcome = std::get_if<storage::MailOutcome>(&done.applied.outcome);
  if (!outcome)
    co_return Error{ErrorCode::kInternal, "shard " + to_string(shard) +
                                              " applied a change of mail "
                                              "without an outcome"};
  co_return std::move(*outcome);
}

Task<storage::Extent> LocalMailStore::stage(ShardId shard, Uuid upload, std::uint32_t n,
                                            SharedBytes bytes) {
  CO_ASSIGN_OR_RETURN(Shard * home, find(shard));
  CO_CHECK(space_.admit_upload());
  storage::NewRecord record;
  record.type = storage::RecordType::kBodyChunk;
  record.meta = storage::encode(storage::BodyChunk{upload, n});
  record.body.push_back(std::move(bytes));
  record.time = time_.now();
  record.seal();
  CO_ASSIGN_OR_RETURN(const Committed done, co_await home->propose(std::move(record)));
  co_return storage::Extent{done.header.body_at(), done.header.body_bytes, done.header.body_crc};
}

void LocalMailStore::abort_upload(ShardId shard, Uuid upload) {
  const auto home = find(shard);
  if (!home) return;
  storage::NewRecord record;
  record.type = storage::RecordType::kUploadAbort;
  record.meta = storage::encode(storage::UploadAbort{upload});
  record.time = time_.now();
  record.seal();
  // Nobody waits: what is lost here expires with the uploads that nobody finished.
  asio::co_spawn(pool_, (*home)->propose(std::move(record)),
                 [](std::exception_ptr, const Result<Committed>&) {});
}

template <class T>
Task<T> LocalMailStore::ask(ShardId shard,
                            std::move_only_function<Result<T>(const storage::MailReader&)> query) {
  CO_ASSIGN_OR_RETURN(Shard * home, find(shard));
  CO_CHECK(co_await home->confirm_read());
  co_return co_await run_on(pool_.get_executor(),
                            [home, query = std::move(query)]() mutable -> Result<T> {
                              ASSIGN_OR_RETURN(const auto reader, home->replica().mail_reader());
                              return query(*reader);
                            });
}

Task<storage::AccountInfo> LocalMailStore::account(ShardId shard, AccountId account) {
  co_return co_await ask<storage::AccountInfo>(
      shard, [account](const storage::MailReader& reader) { return reader.account(account); });
}

Task<std::vector<storage::MailboxInfo>> LocalMailStore::mailboxes(ShardId shard,
                                                                  AccountId account) {
  co_return co_await ask<std::vector<storage::MailboxInfo>>(
      shard, [account](const storage::MailReader& reader) { return reader.mailboxes(account); });
}

Task<std::vector<std::string>> LocalMailStore::subscriptions(ShardId shard, AccountId account) {
  co_return co_await ask<std::vector<std::string>>(
      shard,
      [account](const storage::MailReader& reader) { return reader.subscriptions(account); });
}

Task<storage::MailboxInfo> LocalMailStore::find_mailbox(ShardId shard, AccountId account,
                                                        std::string name) {
  co_return co_await ask<storage::MailboxInfo>(
      shard, [account, name = std::move(name)](const storage::MailReader& reader) {
        return reader.find_mailbox(account, name);
      });
}

Task<MailStore::OpenMailbox> LocalMailStore::open_mailbox(ShardId shard, MailboxId mailbox) {
  co_return co_await ask<OpenMailbox>(
      shard, [mailbox](const storage::MailReader& reader) -> Result<OpenMailbox> {
        OpenMailbox open;
        ASSIGN_OR_RETURN(open.mailbox, reader.mailbox(mailbox));
        ASSIGN_OR_RETURN(open.uids, reader.uids(mailbox));
        ASSIGN_OR_RETURN(open.first_unseen, reader.first_unseen(mailbox));
        return open;
      });
}

Task<std::vector<storage::MessageInfo>> LocalMailStore::messages(ShardId shard, MailboxId mailbox,
                                                                 storage::UidSet uids,
                                                                 std::size_t limit) {
  co_return co_await ask<std::vector<storage::MessageInfo>>(
      shard, [mailbox, uids = std::move(uids), limit](const storage::MailReader& reader) {
        return reader.messages(mailbox, uids, limit);
      });
}

Task<storage::MailboxChanges> LocalMailStore::changes(ShardId shard, MailboxId mailbox,
                                                      ModSeq since) {
  co_return co_await ask<storage::MailboxChanges>(
      shard, [mailbox, since](const storage::MailReader& reader) {
        return reader.changes(mailbox, since);
      });
}

// What a message's extents hold never changes, so reading them needs no confirmation; but another
// copy may not have them yet.
Task<std::vector<std::string>> LocalMailStore::read(ShardId shard, std::vector<ByteRange> ranges) {
  CO_ASSIGN_OR_RETURN(Shard * home, find(shard));
  CO_CHECK(check_leads(*home));
  co_return co_await run_on(
      pool_.get_executor(),
      [home, ranges = std::move(ranges)]() -> Result<std::vector<std::string>> {
        ExtentReader reader(*home);
        std::vector<std::string> texts;
        texts.reserve(ranges.size());
        std::uint64_t left = kReadBytesMax;
        for (const ByteRange& range : ranges) {
          const std::uint64_t bytes = bytes_of(range);
          if (bytes > left) return Error{ErrorCode::kTooLarge, "more than 64 MiB in one read"};
          left -= bytes;
          std::string text(bytes, '\0');
          RETURN_IF_ERROR(
              reader.read(range.extents, range.offset, std::as_writable_bytes(std::span(text))));
          texts.push_back(std::move(text));
        }
        return texts;
      });
}

Task<void> LocalMailStore::with_reader(ShardId shard,
                                       std::function<Result<void>(const BlockingRead&)> work) {
  CO_ASSIGN_OR_RETURN(Shard * home, find(shard));
  CO_CHECK(check_leads(*home));
  co_return co_await run_on(pool_.get_executor(), [home, work = std::move(work)]() {
    ExtentReader reader(*home);
    return work([&reader](const std::vector<storage::Extent>& extents, std::uint64_t offset,
                          std::span<std::byte> to) { return reader.read(extents, offset, to); });
  });
}

Task<std::vector<storage::QueueEntry>> LocalMailStore::queue(ShardId shard,
                                                             std::uint64_t from_queue_id,
                                                             std::size_t limit) {
  co_return co_await ask<std::vector<storage::QueueEntry>>(
      shard, [from_queue_id, limit](const storage::MailReader& reader) {
        return reader.queue(from_queue_id, limit);
      });
}

std::unique_ptr<Watch> LocalMailStore::watch_mailbox(ShardId shard, MailboxId mailbox,
                                                     std::function<void()> changed) {
  const auto home = find(shard);
  return home ? (*home)->watchers().watch(mailbox, std::move(changed)) : nullptr;
}

std::unique_ptr<Watch> LocalMailStore::watch_account(ShardId shard, AccountId account,
                                                     std::function<void()> changed) {
  const auto home = find(shard);
  return home ? (*home)->watchers().watch(account, std::move(changed)) : nullptr;
}

std::vector<ShardId> LocalMailStore::mail_shards() const {
  std::vector<ShardId> ids;
  const std::shared_lock lock(mutex_);
  for (const auto& [id, shard] : shards_) ids.push_back(id);
  return ids;
}

}  // namespace everpost::cluster
