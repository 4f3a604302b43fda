// The mail of the whole cluster, as frontends see it: name a shard, say what you want, await the
// answer. Where the shard's primary is, and whether it changes meanwhile, is this layer's business.
//
// Writes answer once they are committed (on stable storage on every in-sync replica) and applied.
// Reads are never stale: they see every write that was answered before they were asked.
//
// Callable from any executor; every call resumes on the caller's own. Errors common to all:
// kTimeout (a write may still happen), kUnavailable, kBusy, kNotFound (no such shard), kNoSpace (a
// nearly full disk takes no new mail, disk_space.h), kIo, kCorrupt.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "storage/machine/mail_command.h"
#include "storage/machine/mail_reader.h"

namespace everpost::cluster {

// A part of a message: bytes [offset, offset+bytes) of what `extents` hold one after the other.
struct ByteRange {
  std::vector<storage::Extent> extents;
  std::uint64_t offset = 0;
  std::uint64_t bytes = UINT64_MAX;  // up to the end
};

// A subscription to changes of a mailbox, or of an account's list of mailboxes. The callback runs
// on a thread of the shard and must only set a flag or post; it is not called any more once the
// Watch is gone.
class Watch {
 public:
  virtual ~Watch() = default;
};

class MailStore {
 public:
  virtual ~MailStore() = default;

  // --- writes

  // An op_id for one client operation; use the same one when the operation is tried again.
  virtual OpId new_op() = 0;
  // `body` is the record's body: what NewContent of the txn's commands refers to, 256 KiB at most
  // (more is staged first). The outcome's own error is part of the value: a command that was
  // refused.
  virtual Task<storage::MailOutcome> submit(ShardId shard, storage::MailTxn txn,
                                            std::vector<SharedBytes> body = {}) = 0;
  // Stages chunk `n` of an upload: the first bytes of a message whose AddMessage or QueueAdd
  // follows. Chunks of one upload are staged in order; 256 KiB each, the last one may be shorter.
  virtual Task<storage::Extent> stage(ShardId shard, Uuid upload, std::uint32_t n,
                                      SharedBytes bytes) = 0;
  // Forgets an upload whose client went away. Fire and forget: what is lost expires by itself.
  virtual void abort_upload(ShardId shard, Uuid upload) = 0;

  static constexpr std::size_t kChunkBytes = 256 << 10;
  static constexpr std::uint64_t kReadBytesMax = 64 << 20;  // of one read(), all ranges together

  // --- reads

  virtual Task<storage::AccountInfo> account(ShardId shard, AccountId account) = 0;
  virtual Task<std::vector<storage::MailboxInfo>> mailboxes(ShardId shard, AccountId account) = 0;
  virtual Task<std::vector<std::string>> subscriptions(ShardId shard, AccountId account) = 0;
  virtual Task<storage::MailboxInfo> find_mailbox(ShardId shard, AccountId account,
                                                  std::string name) = 0;
  struct OpenMailbox {
    storage::MailboxInfo mailbox;
    std::vector<Uid> uids;
    Uid first_unseen;  // 0: none
  };
  virtual Task<OpenMailbox> open_mailbox(ShardId shard, MailboxId mailbox) = 0;
  virtual Task<std::vector<storage::MessageInfo>> messages(ShardId shard, MailboxId mailbox,
                                                           storage::UidSet uids,
                                                           std::size_t limit) = 0;
  virtual Task<storage::MailboxChanges> changes(ShardId shard, MailboxId mailbox, ModSeq since) = 0;
  // The bytes of each range, checked against their checksums. All ranges together:
  // kReadBytesMax.
  virtual Task<std::vector<std::string>> read(ShardId shard, std::vector<ByteRange> ranges) = 0;
  // Runs `work` on a thread that may block, with a function that reads a range there and then (for
  // what needs random access to a large message: MIME parsing, SEARCH TEXT).
  using BlockingRead = std::function<Result<void>(const std::vector<storage::Extent>& extents,
                                                  std::uint64_t offset, std::span<std::byte> to)>;
  virtual Task<void> with_reader(ShardId shard,
                                 std::function<Result<void>(const BlockingRead&)> work) = 0;
  virtual Task<std::vector<storage::QueueEntry>> queue(ShardId shard, std::uint64_t from_queue_id,
                                                       std::size_t limit) = 0;

  // --- watching

  virtual std::unique_ptr<Watch> watch_mailbox(ShardId shard, MailboxId mailbox,
                                               std::function<void()> changed) = 0;
  virtual std::unique_ptr<Watch> watch_account(ShardId shard, AccountId account,
                                               std::function<void()> changed) = 0;

  // --- about the shards

  virtual std::vector<ShardId> mail_shards() const = 0;
};

}  // namespace everpost::cluster
