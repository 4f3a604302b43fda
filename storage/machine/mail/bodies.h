// Message bodies: bytes in the log that messages and queue entries refer to, counted, so that the
// last one's end makes them dead (X/, for a later garbage collector).
#pragma once

#include <optional>

#include "storage/index/index.h"
#include "storage/log/record.h"
#include "storage/machine/mail/values.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage::mail {

struct Context;

// The message that a TXN brings: chunks staged before, then the record's own body. All commands of
// a TXN that refer to a message refer to this one. Its references are counted here until the TXN
// ends.
class NewBody {
 public:
  NewBody(IndexTxn& txn, const RecordHeader& header) : txn_(txn), header_(header) {}

  // Finds out where the message's bytes are, takes them out of staging, and checks that they are as
  // many as the command says. Errors: kNotFound (a chunk is not there), kInvalidArgument (the parts
  // do not fit together, or differ from those of an earlier command).
  Result<const BodyValue*> resolve(const NewContent& content);
  // The body, if it is the one at `key`.
  BodyValue* find(Lsn key) { return content_ && body_.key() == key ? &body_ : nullptr; }

  // Ends the TXN: the body becomes part of the index, or is dead if nothing refers to it.
  void finish();
  // The TXN had no effect: the record's own bytes are dead, chunks stay staged.
  void abandon();

 private:
  Result<void> take_chunks(const NewContent& content);

  IndexTxn& txn_;
  const RecordHeader& header_;
  std::optional<NewContent> content_;  // once resolved
  BodyValue body_;
};

// One reference more, or less, to the body at `key`. With the last one it is dead.
Result<void> add_reference(Context& context, Lsn key);
Result<void> drop_reference(Context& context, Lsn key);

// Stages a chunk; one staged before under the same number is dead.
Result<void> stage_chunk(IndexTxn& txn, const RecordHeader& header, const BodyChunk& chunk);
// Kills all staged chunks of an upload.
Result<void> drop_upload(IndexTxn& txn, const Uuid& upload, Lsn kill);
// Kills uploads whose newest chunk was staged before `before`, until at least `limit` chunks are
// dead. (A client may take hours to send a large message; its first chunks must not go meanwhile.)
Result<void> drop_uploads(IndexTxn& txn, WallTime before, Lsn kill, std::size_t limit);

}  // namespace everpost::storage::mail
