// What can be asked of a mail shard's state: a consistent view of the index at one applied LSN.
// Cheap to make; holds a LevelDB snapshot, so let it go soon. Thread-compatible; all calls block.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/index/index.h"
#include "storage/log/record.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage {

struct AccountInfo {
  AccountId id;
  std::uint64_t quota_bytes = 0;  // 0: unlimited
  std::uint64_t used_bytes = 0;
  std::uint64_t messages = 0;
};

struct MailboxInfo {
  MailboxId id;
  AccountId account;
  std::string name;         // UTF-8, '/' between levels
  std::string special_use;  // "\\Sent" or empty
  bool selectable = true;   // false: only a name with inferiors
  UidValidity uid_validity;
  Uid uid_next{1};
  Uid first_recent{1};  // messages from here on have been in no session yet
  ModSeq highest_modseq{1};
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;  // with \Deleted
  std::uint64_t bytes = 0;
  std::vector<std::string> keywords;  // every keyword ever used here
};

struct MessageInfo {
  Uid uid;
  ModSeq modseq;
  WallTime internal_date;
  WallTime save_date;
  std::uint64_t size = 0;
  Flags flags;
  Guid guid{};
  std::vector<Extent> content;
  Extent summary;
};

struct MailboxChanges {
  static constexpr std::size_t kChangedMax = 1000;

  MailboxInfo mailbox;
  // Messages with a modseq above the asked one, ascending UID; new ones included. The first
  // kChangedMax, and which ones the others are: more may have changed than shall be held at once.
  std::vector<MessageInfo> changed;
  UidSet more;
  // Expunged since. Once expunges that old are forgotten: every UID that is not there (RFC 7162
  // §3.2.6 allows to name too many).
  UidSet vanished;
};

struct QueueEntry {
  std::uint64_t queue_id = 0;
  WallTime accepted;
  std::string sender;
  std::string envelope_id;
  std::string ret;
  std::uint64_t size = 0;
  Guid guid{};
  std::vector<Extent> content;
  Extent summary;
  std::vector<QueueRecipient> recipients;
  std::vector<bool> done;  // one for each recipient
};

class MailReader {
 public:
  virtual ~MailReader() = default;
  virtual Lsn applied() const = 0;

  // Errors of all: kNotFound, kCorrupt, kIo.
  virtual Result<AccountInfo> account(AccountId account) const = 0;
  // All of the account's mailboxes by name, those that cannot be selected included.
  virtual Result<std::vector<MailboxInfo>> mailboxes(AccountId account) const = 0;
  // Subscribed names, whether they exist or not.
  virtual Result<std::vector<std::string>> subscriptions(AccountId account) const = 0;
  virtual Result<MailboxInfo> find_mailbox(AccountId account, const std::string& name) const = 0;
  virtual Result<MailboxInfo> mailbox(MailboxId mailbox) const = 0;

  virtual Result<std::vector<Uid>> uids(MailboxId mailbox) const = 0;  // ascending
  // The lowest UID without \Seen, or 0.
  virtual Result<Uid> first_unseen(MailboxId mailbox) const = 0;
  // Messages of `uids` that exist, ascending, at most `limit`.
  virtual Result<std::vector<MessageInfo>> messages(MailboxId mailbox, const UidSet& uids,
                                                    std::size_t limit) const = 0;
  virtual Result<MailboxChanges> changes(MailboxId mailbox, ModSeq since) const = 0;

  virtual Result<std::vector<QueueEntry>> queue(std::uint64_t from_queue_id,
                                                std::size_t limit) const = 0;
  // The outcome of an operation that was applied, if it is still remembered.
  virtual Result<MailOutcome> outcome(const OpId& op) const = 0;
};

// `view`: of a mail shard's index.
Result<std::unique_ptr<MailReader>> make_mail_reader(std::unique_ptr<IndexView> view);

}  // namespace everpost::storage
