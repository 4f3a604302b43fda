// The state machine of a mail shard: applies committed records to the index. What the commands mean
// is in mail_command.h and, one file each, in mail/; what the index holds: docs/formats/index.md.
//
//   auto txn = index.begin();
//   MailMachine machine(*txn);
//   for (const Record& record : group) ... = machine.apply(record);
//   machine.finish(), then txn->commit(end of the last record)
//
// Deterministic: the index after a record is a function of the index before it and of the record's
// header and meta. No clock, no randomness, no locale; how records are grouped makes no difference.
// Nothing that a record contains makes it fail: what is malformed or impossible gets an error as
// its outcome and has no effect (H48).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "storage/index/index.h"
#include "storage/log/record.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage {

// What applying one record told.
struct MailApplied {
  OpId op;                             // of a TXN, as far as it could be read
  Lsn lsn;                             // of the record
  std::optional<MailOutcome> outcome;  // of a TXN
  std::vector<MailboxId> touched;      // mailboxes whose contents or flags changed; may repeat
  std::vector<AccountId> accounts;     // accounts whose list of mailboxes changed; may repeat
  bool queue_changed = false;
};

// Applies one group of records on top of `txn`. Decoded accounts and mailboxes are kept until
// finish(), which writes those that changed: between the first apply() and finish() nobody else may
// use `txn`.
class MailMachine {
 public:
  explicit MailMachine(IndexTxn& txn);
  ~MailMachine();
  MailMachine(const MailMachine&) = delete;
  MailMachine& operator=(const MailMachine&) = delete;

  // `meta` is the record's; its body is not needed. Errors: kIo and kCorrupt of the index,
  // kUnsupported for a record that a newer program wrote. After any of them the replica must stop:
  // going on without the record would make it another state than its peers'.
  Result<MailApplied> apply(const RecordHeader& header, Bytes meta);
  Result<MailApplied> apply(const Record& record) { return apply(record.header, record.meta); }

  // Writes what apply() kept back. Once, before the txn's commit.
  Result<void> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everpost::storage
