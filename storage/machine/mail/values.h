// The values of a mail shard's index, decoded. Which key holds which: storage/index/keys.h; their
// bytes: docs/formats/index.md. Decoding fails with kCorrupt or, for a newer format, kUnsupported:
// both mean that this replica cannot go on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/log/record.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage::mail {

// Z/mail: what belongs to the whole shard.
struct ShardValue {
  MailboxId next_mailbox{1};
  std::uint32_t ops_floor = 0;       // operations of hours below are forgotten, and refused
  OpId ops_swept;                    // outcomes of operations below are removed already
  std::uint32_t dead_mailboxes = 0;  // K/ keys

  std::string encode() const;
  static Result<ShardValue> decode(std::string_view value);
  friend bool operator==(const ShardValue&, const ShardValue&) = default;
};

// A/account8
struct AccountValue {
  bool deleted = false;  // a tombstone: the id is never used again
  std::uint64_t quota_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t messages = 0;
  ModSeq modseq;             // the last one given in any of its mailboxes
  UidValidity uid_validity;  // the last one given
  std::uint32_t mailboxes = 0;
  std::uint32_t subscriptions = 0;
  MailboxId inbox;

  std::string encode() const;
  static Result<AccountValue> decode(std::string_view value);
  friend bool operator==(const AccountValue&, const AccountValue&) = default;
};

// M/mailbox8
struct MailboxValue {
  bool selectable = true;
  AccountId account;
  UidValidity uid_validity;
  Uid uid_next{1};
  Uid first_recent{1};
  ModSeq highest_modseq;
  ModSeq expunge_floor;  // tombstones of this modseq and below may be gone
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;
  std::uint32_t tombstones = 0;
  std::uint64_t bytes = 0;
  std::string name;
  std::string special_use;
  std::vector<std::string> keywords;  // by their bit in MessageValue::keywords

  std::string encode() const;
  static Result<MailboxValue> decode(std::string_view value);
  friend bool operator==(const MailboxValue&, const MailboxValue&) = default;
};

// U/mailbox8 uid4. Fixed positions, so that a flag changes in place.
struct MessageValue {
  // More extents than these are not repeated in each message, they are in the body's value.
  static constexpr std::size_t kInlineExtents = 8;

  std::uint16_t flags = 0;     // SystemFlag bits
  std::uint64_t keywords = 0;  // bits: positions in MailboxValue::keywords
  ModSeq modseq;
  WallTime internal_date;
  WallTime save_date;
  std::uint64_t size = 0;
  Guid guid{};
  Lsn body;  // the key of its BodyValue
  Extent summary;
  std::vector<Extent> content;  // empty: look into the body's value

  std::string encode() const;
  static Result<MessageValue> decode(std::string_view value);
  friend bool operator==(const MessageValue&, const MessageValue&) = default;
};

// The part of an encoded MessageValue that STORE looks at and changes.
struct MessageState {
  std::uint16_t flags = 0;
  std::uint64_t keywords = 0;
  ModSeq modseq;

  static Result<MessageState> decode(std::string_view value);
  // Puts this state into an encoded value.
  void patch(std::string& value) const;
  friend bool operator==(const MessageState&, const MessageState&) = default;
};

// B/lsn8: a message's bytes in the log, shared by all messages and queue entries that have them.
// X/kill_lsn8 body_lsn8: the same with no references left.
struct BodyValue {
  std::uint32_t references = 0;
  Extent summary;  // of no bytes if there is none
  std::vector<Extent> content;

  // Where it begins: names it.
  Lsn key() const { return content.empty() ? summary.at : content.front().at; }
  std::string encode() const;
  static Result<BodyValue> decode(std::string_view value);
  friend bool operator==(const BodyValue&, const BodyValue&) = default;
};

// T/upload16 n4
struct ChunkValue {
  Extent extent;
  WallTime staged;

  std::string encode() const;
  static Result<ChunkValue> decode(std::string_view value);
  friend bool operator==(const ChunkValue&, const ChunkValue&) = default;
};

// O/queue8
struct QueueValue {
  WallTime accepted;
  std::uint64_t size = 0;
  Guid guid{};
  Lsn body;
  std::uint32_t recipients = 0;
  std::uint32_t pending = 0;  // recipients that are not done
  std::string sender, envelope_id, ret;

  std::string encode() const;
  static Result<QueueValue> decode(std::string_view value);
  friend bool operator==(const QueueValue&, const QueueValue&) = default;
};

// OR/queue8 recipient2
struct RecipientValue {
  bool done = false;
  QueueRecipient to;

  std::string encode() const;
  static Result<RecipientValue> decode(std::string_view value);
};

// K/mailbox8: how far the removal of a deleted mailbox's messages has come.
struct DeadMailboxValue {
  Uid next_uid{1};     // messages below are gone
  ModSeq next_modseq;  // tombstones below are gone; begins when all messages are

  std::string encode() const;
  static Result<DeadMailboxValue> decode(std::string_view value);
  friend bool operator==(const DeadMailboxValue&, const DeadMailboxValue&) = default;
};

// N/account8 name: the mailbox's id, 8 bytes.
std::string encode_mailbox_id(MailboxId mailbox);
Result<MailboxId> decode_mailbox_id(std::string_view value);

}  // namespace everpost::storage::mail
