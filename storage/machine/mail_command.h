// The commands of a mail shard: each is one deterministic change of its state, and the only way to
// change it. A frontend builds a MailTxn, cluster/ puts it into the log, and every replica applies
// it after commit (mail_machine.h). UIDs, modseqs and outcomes come from applying; times, ids and
// limits are resolved before. On the wire and in the log a MailTxn is a Cap'n Proto message
// (mail_command.capnp); what an index holds afterwards: docs/formats/index.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/machine/uid_set.h"

namespace everpost::storage {

enum SystemFlag : std::uint16_t {  // RFC 3501 §2.3.2; \Recent belongs to sessions, see ClaimRecent
  kSeen = 1,
  kAnswered = 2,
  kFlagged = 4,
  kDeleted = 8,
  kDraft = 16,
};

struct Flags {
  std::uint16_t system = 0;           // SystemFlag bits
  std::vector<std::string> keywords;  // atoms as the client wrote them; compared without case
};

// Where a new message's bytes are: first the chunks staged under `upload` (0..chunks-1, in order),
// then the first `own_bytes` of the record's body. The summary (opaque to storage; node/mime)
// follows them in the record's body. Either part may be missing.
struct NewContent {
  std::optional<Uuid> upload;
  std::uint32_t chunks = 0;
  std::uint32_t own_bytes = 0;
  std::uint32_t own_crc = 0;
  std::uint32_t summary_bytes = 0;
  std::uint32_t summary_crc = 0;
  std::uint64_t size = 0;  // of the message: RFC822.SIZE
  Guid guid{};
};

// Puts one message into one or more mailboxes: a delivery, or APPEND. One body, however many
// targets.
struct AddMessage {
  struct Target {
    AccountId account;
    MailboxId mailbox;  // 0: the account's INBOX, the account being made if this is its first mail
  };
  std::vector<Target> targets;
  NewContent content;
  Flags flags;
  WallTime internal_date;      // 0: the record's time
  bool enforce_quota = false;  // a target over its quota gets kOverQuota, the others the message
};
struct AddedMessage {          // one for each target, in order
  std::optional<Error> error;  // kOverQuota, kNotFound (account or mailbox gone), kLimit
  MailboxId mailbox;
  UidValidity uid_validity;
  Uid uid;
  ModSeq modseq;
};

struct StoreFlags {
  enum class Mode : std::uint8_t { kReplace, kAdd, kRemove };
  MailboxId mailbox;
  UidSet uids;  // those that do not exist are passed over
  Mode mode = Mode::kReplace;
  Flags flags;
  std::optional<ModSeq> unchanged_since;  // RFC 7162 §3.1.3
};
struct StoredFlags {
  UidSet changed;   // those whose flags are now different
  UidSet modified;  // those left alone, being newer than unchanged_since
  ModSeq modseq;    // of the changed ones
};

struct Expunge {
  MailboxId mailbox;
  UidSet uids;
  bool only_deleted = true;  // only those that carry \Deleted (EXPUNGE, UID EXPUNGE)
};
struct Expunged {
  UidSet uids;
  ModSeq modseq;
};

// COPY and MOVE within one account. All or nothing.
struct CopyMessages {
  MailboxId source;
  UidSet uids;
  MailboxId target;
  bool move = false;
  bool enforce_quota = true;
};
struct CopiedMessages {
  UidValidity uid_validity;   // of the target
  std::vector<Uid> from, to;  // pairs, in ascending order of `from` (RFC 4315 COPYUID)
  ModSeq source_modseq;       // of the removal, if moved
};

// Names are normalised UTF-8 with '/' between levels; INBOX is spelled so. Missing superiors are
// made.
struct CreateMailbox {
  AccountId account;
  std::string name;
  std::string special_use;  // "\\Sent", or empty (RFC 6154)
};
struct CreatedMailbox {
  MailboxId mailbox;
  UidValidity uid_validity;
};
struct RenameMailbox {  // with its inferiors; INBOX: its messages move to `to` (RFC 3501 §6.3.5)
  AccountId account;
  std::string from, to;
};
struct DeleteMailbox {  // with inferiors it stays as a name that cannot be selected (RFC 3501
                        // §6.3.4)
  AccountId account;
  std::string name;
};
struct Subscribe {
  AccountId account;
  std::string name;  // need not exist (RFC 3501 §6.3.6)
  bool on = true;
};

// A session selects the mailbox for writing: it gets the \Recent messages, the next one does not.
struct ClaimRecent {
  MailboxId mailbox;
};
struct ClaimedRecent {
  Uid first_recent;  // messages from this UID on are \Recent in the session
};

// Makes the account's mailboxes (INBOX and the special-use ones); no change if they are there.
struct CreateAccount {
  AccountId account;
  std::uint64_t quota_bytes = 0;  // 0: unlimited
};
struct SetQuota {
  AccountId account;
  std::uint64_t quota_bytes = 0;
};
struct DeleteAccount {  // everything the account has; later deliveries to its id fail with
                        // kNotFound
  AccountId account;
};

// A message accepted for recipients whom this shard does not hold: kept until each is done.
struct QueueRecipient {
  std::string address;  // as resolved: where it goes
  AccountId account;
  ShardId shard;
  std::string original;  // ORCPT parameter, or empty (RFC 3461 §4.2)
  std::string notify;    // NOTIFY parameter, or empty (RFC 3461 §4.1)
};
struct QueueAdd {
  std::string sender;       // reverse-path without <>, empty for <>
  std::string envelope_id;  // ENVID, or empty (RFC 3461 §4.4)
  std::string ret;          // RET: "FULL", "HDRS" or empty (RFC 3461 §4.3)
  NewContent content;
  std::vector<QueueRecipient> recipients;
};
struct QueuedMessage {
  std::uint64_t queue_id = 0;  // the LSN of its record
};
// Recipients (by position in QueueAdd) that have their message; with the last one the entry goes.
struct QueueDone {
  std::uint64_t queue_id = 0;
  std::vector<std::uint16_t> recipients;
};

// Housekeeping, proposed by the primary: forgets results of operations made before `ops_before`
// (hours since 1970) and uploads of which nothing was staged
// since `uploads_before`.
struct Expire {
  std::uint32_t ops_before = 0;
  WallTime uploads_before;
};

struct Done {};  // the result of commands that have nothing to tell

using MailCommand =
    std::variant<AddMessage, StoreFlags, Expunge, CopyMessages, CreateMailbox, RenameMailbox,
                 DeleteMailbox, Subscribe, ClaimRecent, CreateAccount, SetQuota, DeleteAccount,
                 QueueAdd, QueueDone, Expire>;
using MailResult = std::variant<Done, std::vector<AddedMessage>, StoredFlags, Expunged,
                                CopiedMessages, CreatedMailbox, ClaimedRecent, QueuedMessage>;

// One operation of a client: atomic. If a command fails, none has an effect.
struct MailTxn {
  OpId op;
  AccountId actor;  // who did it, 0 for the system
  std::vector<MailCommand> commands;
};
struct MailOutcome {
  std::optional<Error> error;       // then `results` is empty
  std::vector<MailResult> results;  // one for each command
  Lsn lsn;                          // of the record that decided it
  bool repeated = false;            // the op_id was known; nothing happened this time
};

std::string encode(const MailTxn& txn);
// Errors: kCorrupt (malformed), kLimit (beyond MailLimits), kUnsupported (of a newer program).
Result<MailTxn> decode_mail_txn(Bytes meta);
// Only the op_id, of a txn that may be bad otherwise. Errors: kCorrupt.
Result<OpId> decode_mail_op(Bytes meta);

// The meta of a BODY_CHUNK record: its body is chunk `n` of the message that arrives as `upload`.
// A chunk staged again takes the place of the one before.
struct BodyChunk {
  Uuid upload{};
  std::uint32_t n = 0;
  friend bool operator==(const BodyChunk&, const BodyChunk&) = default;
};
std::string encode(const BodyChunk& chunk);
Result<BodyChunk> decode_body_chunk(Bytes meta);  // errors: kCorrupt

// The meta of an UPLOAD_ABORT record: the client went away, its chunks are dead.
struct UploadAbort {
  Uuid upload{};
  friend bool operator==(const UploadAbort&, const UploadAbort&) = default;
};
std::string encode(const UploadAbort& abort);
Result<UploadAbort> decode_upload_abort(Bytes meta);  // errors: kCorrupt

// What a command may ask for; beyond it it is refused with kLimit. Frontends split what is larger:
// flags of a whole mailbox go in steps of at most `messages` messages.
struct MailLimits {
  static constexpr std::size_t commands = 1000;       // in one txn
  static constexpr std::size_t targets = 10'000;      // of an AddMessage
  static constexpr std::size_t recipients = 10'000;   // of a QueueAdd
  static constexpr std::size_t uid_ranges = 100'000;  // of a UidSet
  static constexpr std::size_t messages = 20'000;     // changed by one txn
  static constexpr std::size_t chunks = 4096;         // of an upload
  static constexpr std::size_t keywords = 64;         // of a mailbox, and so of a command
  static constexpr std::size_t keyword_bytes = 255;
  static constexpr std::size_t name_bytes = 1000;  // of a mailbox, all levels together
  static constexpr std::size_t name_levels = 32;
  static constexpr std::size_t mailboxes = 10'000;      // of an account
  static constexpr std::size_t subscriptions = 10'000;  // of an account
  static constexpr std::size_t address_bytes = 4096;    // of a sender, a recipient, ORCPT, ENVID
};

}  // namespace everpost::storage
