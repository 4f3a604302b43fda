// What a command works with while it is applied.
//
// A command's failure is an Error, in one of two kinds: refusals (no such mailbox, over quota),
// which become the operation's outcome, and failures of the index (`broken`), which stop the
// replica. Either way what the command did so far is undone.
#pragma once

#include "storage/index/index.h"
#include "storage/log/record.h"
#include "storage/machine/mail/bodies.h"
#include "storage/machine/mail/cache.h"
#include "storage/machine/mail/values.h"
#include "storage/machine/mail_machine.h"

namespace everpost::storage::mail {

using Accounts = Cache<AccountId, AccountValue, keys::account>;
using Mailboxes = Cache<MailboxId, MailboxValue, keys::mailbox>;

// The shard's own counters, as a cache of one value.
class Shard {
 public:
  explicit Shard(IndexTxn& txn) : txn_(txn) {}
  Result<void> load();  // before anything else
  const ShardValue& get() const { return value_; }
  ShardValue& change() { return value_; }
  void mark() { before_ = value_; }
  void undo_to_mark() { value_ = before_; }
  Result<void> flush();

 private:
  IndexTxn& txn_;
  ShardValue value_, before_, stored_;
};

struct Context {
  IndexTxn& txn;
  Shard& shard;
  Accounts& accounts;
  Mailboxes& mailboxes;
  const RecordHeader& header;
  NewBody& body;  // the message that came with the record
  MailApplied& told;
  std::size_t changes = 0;   // of messages, by STORE, EXPUNGE, COPY and MOVE
  std::size_t removals = 0;  // messages and tombstones removed on account of deleted mailboxes
};

// Is the index, rather than the command, to blame?
inline bool broken(const Error& error) {
  switch (error.code) {
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
    case ErrorCode::kInternal:
    case ErrorCode::kNoSpace:
      return true;
    default:
      return false;
  }
}

inline Error refuse(ErrorCode code, std::string_view why) { return {code, std::string(why)}; }

}  // namespace everpost::storage::mail
