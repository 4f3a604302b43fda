// Every key of a replica's index. A key is a prefix of one or two letters and '/', then fields of
// fixed width, big-endian, so that bytes sort as numbers do; a name, where there is one, comes
// last. Nothing separates the fields. The values, byte by byte: docs/formats/index.md.
//
// Mail shards (storage/machine/mail):
//   A/ account8                  account: quota, counters
//   N/ account8 name             -> mailbox8: a mailbox's name (UTF-8, '/' between levels)
//   S/ account8 name             a subscribed name; no value
//   M/ mailbox8                  mailbox: name, UIDVALIDITY, UIDNEXT, counters, keywords
//   U/ mailbox8 uid4             message: flags, dates, where its bytes are
//   Q/ mailbox8 modseq8 uid4     change index: one for each message, at its modseq; no value
//   V/ mailbox8 modseq8 uid4     tombstone of an expunged message; no value
//   G/ guid16 mailbox8 uid4      content -> its messages; no value
//   B/ lsn8                      body: how often it is referred to, and its extents
//   X/ kill_lsn8 body_lsn8       dead body: its extents, to be freed
//   T/ upload16 n4               staged chunk of a message that is still arriving
//   O/ queue8                    queued message
//   OR/ queue8 recipient2        one of its recipients
//   K/ mailbox8                  deleted mailbox whose messages are still being removed
//   Z/mail                       the shard's own counters
//
// The directory (storage/machine/directory):
//   DD/ name                     domain
//   DA/ address                  -> account8
//   DI/ account8                 account record
//   DL/ address                  alias
//   DS/ name                     setting
//   Z/directory                  the directory's own counters
//
// Both:
//   D/ hour4 frontend4 random8   operation that was applied: its record's LSN and its outcome
//   Z/applied, Z/digest          of the index itself; not covered by the digest
//   L/...                        local to this replica; not covered by the digest
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"

namespace everpost::storage::keys {

// A key, or a prefix to scan by, built without memory from the heap. Converts to a view of itself.
class Key {
 public:
  static constexpr std::size_t kBytesMax = 1200;  // a prefix, 8 bytes and the longest name

  explicit Key(std::string_view prefix) { add(prefix); }
  Key(const Key& other) : size_(other.size_) { std::memcpy(bytes_, other.bytes_, size_); }
  Key& operator=(const Key&) = delete;
  // What does not fit is cut off: callers check the lengths of names from outside before.
  Key& add(std::string_view text);
  Key& add(const std::array<std::byte, 16>& id) { return add(as_text(id)); }
  Key& add(std::uint16_t number) { return add_be(number); }
  Key& add(std::uint32_t number) { return add_be(number); }
  Key& add(std::uint64_t number) { return add_be(number); }

  operator std::string_view() const { return {bytes_, size_}; }  // NOLINT: it is one
  std::string_view view() const { return *this; }

 private:
  template <class T>
  Key& add_be(T number) {
    store_be(reinterpret_cast<std::byte*>(bytes_ + size_), number);
    size_ += sizeof number;
    return *this;
  }
  std::size_t size_ = 0;
  char bytes_[kBytesMax];
};

// --- the index itself
inline constexpr std::string_view kApplied = "Z/applied";  // LSN, 8 bytes little-endian
inline constexpr std::string_view kDigest = "Z/digest";    // low, high: 16 bytes little-endian
inline constexpr std::string_view kLocal = "L/";
// Is it part of what replicas have in common?
bool in_digest(std::string_view key);

// --- both kinds of shards
inline constexpr std::string_view kOps = "D/";
Key op(const OpId& id);
Key ops_from(std::uint32_t hour);  // the first key an operation of that hour can have
std::optional<OpId> parse_op(std::string_view key);

// --- mail shards
inline constexpr std::string_view kMailState = "Z/mail";
inline constexpr std::string_view kAccounts = "A/";
inline constexpr std::string_view kMailboxes = "M/";
inline constexpr std::string_view kUploads = "T/";
inline constexpr std::string_view kQueue = "O/";
inline constexpr std::string_view kBodies = "B/";
inline constexpr std::string_view kDeadBodies = "X/";
inline constexpr std::string_view kDeadMailboxes = "K/";

Key account(AccountId account);
Key name(AccountId account, std::string_view name);
Key names(AccountId account);  // prefix of all of them
Key subscription(AccountId account, std::string_view name);
Key subscriptions(AccountId account);
Key mailbox(MailboxId mailbox);
Key message(MailboxId mailbox, Uid uid);
Key messages(MailboxId mailbox);
Key change(MailboxId mailbox, ModSeq modseq, Uid uid);
Key changes(MailboxId mailbox);
Key tombstone(MailboxId mailbox, ModSeq modseq, Uid uid);
Key tombstones(MailboxId mailbox);
Key content(const Guid& guid, MailboxId mailbox, Uid uid);
Key body(Lsn first);
Key dead_body(Lsn kill, Lsn first);
Key chunk(const Uuid& upload, std::uint32_t n);
Key chunks(const Uuid& upload);
Key queued(std::uint64_t queue_id);
Key recipient(std::uint64_t queue_id, std::uint16_t n);
Key recipients(std::uint64_t queue_id);
Key dead_mailbox(MailboxId mailbox);

// Fields of keys found by a scan; what has the wrong length is none of ours.
std::optional<MailboxId> parse_mailbox(std::string_view key);  // M/ and K/
std::optional<AccountId> parse_account(std::string_view key);
std::optional<Uid> parse_message(std::string_view key);
struct Change {
  ModSeq modseq;
  Uid uid;
};
std::optional<Change> parse_change(std::string_view key);  // Q/ and V/
struct Chunk {
  Uuid upload;
  std::uint32_t n = 0;
};
std::optional<Chunk> parse_chunk(std::string_view key);
struct DeadBody {
  Lsn kill, body;
};
std::optional<DeadBody> parse_dead_body(std::string_view key);
std::optional<std::uint64_t> parse_queued(std::string_view key);
std::optional<std::uint16_t> parse_recipient(std::string_view key);
std::string_view parse_name(std::string_view key);  // N/ and S/: what follows the account

// --- the directory
inline constexpr std::string_view kDirectoryState = "Z/directory";
inline constexpr std::string_view kDomains = "DD/";
inline constexpr std::string_view kAddresses = "DA/";
inline constexpr std::string_view kAliases = "DL/";
inline constexpr std::string_view kSettings = "DS/";
Key domain(std::string_view name);
Key address(std::string_view address);
Key account_record(AccountId account);
Key alias(std::string_view address);
Key setting(std::string_view name);

}  // namespace everpost::storage::keys
