#include "storage/index/keys.h"

#include <algorithm>
#include <cstring>

namespace everpost::storage::keys {
namespace {

template <class T>
T field(std::string_view key, std::size_t at) {
  return load_be<T>(as_bytes(key).data() + at);
}

Key with(std::string_view prefix, std::uint64_t id) { return Key(prefix).add(id); }

}  // namespace

Key& Key::add(std::string_view text) {
  const std::size_t bytes = std::min(text.size(), kBytesMax - size_);
  std::memcpy(bytes_ + size_, text.data(), bytes);
  size_ += bytes;
  return *this;
}

bool in_digest(std::string_view key) {
  return !key.starts_with(kLocal) && key != kApplied && key != kDigest;
}

Key op(const OpId& id) { return Key(kOps).add(id.hour).add(id.frontend).add(id.random); }
Key ops_from(std::uint32_t hour) { return Key(kOps).add(hour); }
std::optional<OpId> parse_op(std::string_view key) {
  if (key.size() != 18 || !key.starts_with(kOps)) return std::nullopt;
  return OpId{field<std::uint32_t>(key, 2), field<std::uint32_t>(key, 6),
              field<std::uint64_t>(key, 10)};
}

Key account(AccountId account) { return with(kAccounts, account.value); }
Key name(AccountId account, std::string_view name) { return names(account).add(name); }
Key names(AccountId account) { return with("N/", account.value); }
Key subscription(AccountId account, std::string_view name) {
  return subscriptions(account).add(name);
}
Key subscriptions(AccountId account) { return with("S/", account.value); }
Key mailbox(MailboxId mailbox) { return with(kMailboxes, mailbox.value); }
Key message(MailboxId mailbox, Uid uid) { return messages(mailbox).add(uid.value); }
Key messages(MailboxId mailbox) { return with("U/", mailbox.value); }
Key change(MailboxId mailbox, ModSeq modseq, Uid uid) {
  return changes(mailbox).add(modseq.value).add(uid.value);
}
Key changes(MailboxId mailbox) { return with("Q/", mailbox.value); }
Key tombstone(MailboxId mailbox, ModSeq modseq, Uid uid) {
  return tombstones(mailbox).add(modseq.value).add(uid.value);
}
Key tombstones(MailboxId mailbox) { return with("V/", mailbox.value); }
Key content(const Guid& guid, MailboxId mailbox, Uid uid) {
  return Key("G/").add(guid).add(mailbox.value).add(uid.value);
}
Key body(Lsn first) { return with(kBodies, first.value); }
Key dead_body(Lsn kill, Lsn first) { return with(kDeadBodies, kill.value).add(first.value); }
Key chunk(const Uuid& upload, std::uint32_t n) { return chunks(upload).add(n); }
Key chunks(const Uuid& upload) { return Key(kUploads).add(upload); }
Key queued(std::uint64_t queue_id) { return with(kQueue, queue_id); }
Key recipient(std::uint64_t queue_id, std::uint16_t n) { return recipients(queue_id).add(n); }
Key recipients(std::uint64_t queue_id) { return with("OR/", queue_id); }
Key dead_mailbox(MailboxId mailbox) { return with(kDeadMailboxes, mailbox.value); }

std::optional<MailboxId> parse_mailbox(std::string_view key) {
  if (key.size() != 10) return std::nullopt;
  return MailboxId{field<std::uint64_t>(key, 2)};
}
std::optional<AccountId> parse_account(std::string_view key) {
  if (key.size() != 10) return std::nullopt;
  return AccountId{field<std::uint64_t>(key, 2)};
}
std::optional<Uid> parse_message(std::string_view key) {
  if (key.size() != 14) return std::nullopt;
  return Uid{field<std::uint32_t>(key, 10)};
}
std::optional<Change> parse_change(std::string_view key) {
  if (key.size() != 22) return std::nullopt;
  return Change{ModSeq{field<std::uint64_t>(key, 10)}, Uid{field<std::uint32_t>(key, 18)}};
}
std::optional<Chunk> parse_chunk(std::string_view key) {
  if (key.size() != 22) return std::nullopt;
  Chunk chunk;
  std::memcpy(chunk.upload.data(), key.data() + 2, chunk.upload.size());
  chunk.n = field<std::uint32_t>(key, 18);
  return chunk;
}
std::optional<DeadBody> parse_dead_body(std::string_view key) {
  if (key.size() != 18) return std::nullopt;
  return DeadBody{Lsn{field<std::uint64_t>(key, 2)}, Lsn{field<std::uint64_t>(key, 10)}};
}
std::optional<std::uint64_t> parse_queued(std::string_view key) {
  if (key.size() != 10) return std::nullopt;
  return field<std::uint64_t>(key, 2);
}
std::optional<std::uint16_t> parse_recipient(std::string_view key) {
  if (key.size() != 13) return std::nullopt;
  return field<std::uint16_t>(key, 11);
}
std::string_view parse_name(std::string_view key) {
  return key.substr(std::min<std::size_t>(key.size(), 10));
}

Key domain(std::string_view name) { return Key(kDomains).add(name); }
Key address(std::string_view address) { return Key(kAddresses).add(address); }
Key account_record(AccountId account) { return with("DI/", account.value); }
Key alias(std::string_view address) { return Key(kAliases).add(address); }
Key setting(std::string_view name) { return Key(kSettings).add(name); }

}  // namespace everpost::storage::keys
