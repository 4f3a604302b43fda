#include "storage/machine/mail/values.h"

#include "storage/machine/mail/value_codec.h"

namespace everpost::storage::mail {
namespace {

constexpr std::uint8_t kFormat = 1;  // of every value but U/, which has its own

void write(ValueWriter& to, const Extent& extent) {
  to.fixed(extent.at.value);
  to.fixed(extent.bytes);
  to.fixed(extent.crc);
}
Extent read_extent(ValueReader& from) {
  Extent extent;
  extent.at = Lsn{from.fixed<std::uint64_t>()};
  extent.bytes = from.fixed<std::uint32_t>();
  extent.crc = from.fixed<std::uint32_t>();
  return extent;
}
constexpr std::size_t kExtentBytes = 16;

Guid read_guid(ValueReader& from) {
  Guid guid{};
  const std::string_view raw = from.raw(guid.size());
  if (!raw.empty()) std::memcpy(guid.data(), raw.data(), raw.size());
  return guid;
}

}  // namespace

std::string ShardValue::encode() const {
  ValueWriter to(kFormat);
  to.fixed(next_mailbox.value);
  to.fixed(ops_floor);
  to.fixed(ops_swept.hour);
  to.fixed(ops_swept.frontend);
  to.fixed(ops_swept.random);
  to.fixed(dead_mailboxes);
  return to.take();
}

Result<ShardValue> ShardValue::decode(std::string_view value) {
  ValueReader from("Z/mail", value, kFormat);
  ShardValue shard;
  shard.next_mailbox = MailboxId{from.fixed<std::uint64_t>()};
  shard.ops_floor = from.fixed<std::uint32_t>();
  shard.ops_swept.hour = from.fixed<std::uint32_t>();
  shard.ops_swept.frontend = from.fixed<std::uint32_t>();
  shard.ops_swept.random = from.fixed<std::uint64_t>();
  shard.dead_mailboxes = from.fixed<std::uint32_t>();
  RETURN_IF_ERROR(from.done());
  return shard;
}

std::string AccountValue::encode() const {
  ValueWriter to(kFormat);
  to.fixed(std::uint8_t{deleted});
  to.fixed(quota_bytes);
  to.fixed(used_bytes);
  to.fixed(messages);
  to.fixed(modseq.value);
  to.fixed(uid_validity.value);
  to.fixed(mailboxes);
  to.fixed(subscriptions);
  to.fixed(inbox.value);
  return to.take();
}

Result<AccountValue> AccountValue::decode(std::string_view value) {
  ValueReader from("account", value, kFormat);
  AccountValue account;
  account.deleted = (from.fixed<std::uint8_t>() & 1) != 0;
  account.quota_bytes = from.fixed<std::uint64_t>();
  account.used_bytes = from.fixed<std::uint64_t>();
  account.messages = from.fixed<std::uint64_t>();
  account.modseq = ModSeq{from.fixed<std::uint64_t>()};
  account.uid_validity = UidValidity{from.fixed<std::uint32_t>()};
  account.mailboxes = from.fixed<std::uint32_t>();
  account.subscriptions = from.fixed<std::uint32_t>();
  account.inbox = MailboxId{from.fixed<std::uint64_t>()};
  RETURN_IF_ERROR(from.done());
  return account;
}

std::string MailboxValue::encode() const {
  ValueWriter to(kFormat);
  to.fixed(std::uint8_t{selectable});
  to.fixed(account.value);
  to.fixed(uid_validity.value);
  to.fixed(uid_next.value);
  to.fixed(first_recent.value);
  to.fixed(highest_modseq.value);
  to.fixed(expunge_floor.value);
  to.fixed(messages);
  to.fixed(unseen);
  to.fixed(deleted);
  to.fixed(tombstones);
  to.fixed(bytes);
  to.text(name);
  to.text(special_use);
  to.varint(keywords.size());
  for (const std::string& keyword : keywords) to.text(keyword);
  return to.take();
}

Result<MailboxValue> MailboxValue::decode(std::string_view value) {
  ValueReader from("mailbox", value, kFormat);
  MailboxValue mailbox;
  mailbox.selectable = (from.fixed<std::uint8_t>() & 1) != 0;
  mailbox.account = AccountId{from.fixed<std::uint64_t>()};
  mailbox.uid_validity = UidValidity{from.fixed<std::uint32_t>()};
  mailbox.uid_next = Uid{from.fixed<std::uint32_t>()};
  mailbox.first_recent = Uid{from.fixed<std::uint32_t>()};
  mailbox.highest_modseq = ModSeq{from.fixed<std::uint64_t>()};
  mailbox.expunge_floor = ModSeq{from.fixed<std::uint64_t>()};
  mailbox.messages = from.fixed<std::uint32_t>();
  mailbox.unseen = from.fixed<std::uint32_t>();
  mailbox.deleted = from.fixed<std::uint32_t>();
  mailbox.tombstones = from.fixed<std::uint32_t>();
  mailbox.bytes = from.fixed<std::uint64_t>();
  mailbox.name = from.text();
  mailbox.special_use = from.text();
  mailbox.keywords.resize(from.count(1));
  for (std::string& keyword : mailbox.keywords) keyword = from.text();
  RETURN_IF_ERROR(from.done());
  return mailbox;
}

std::string BodyValue::encode() const {
  ValueWriter to(kFormat);
  to.fixed(references);
  write(to, summary);
  to.varint(content.size());
  for (const Extent& extent : content) write(to, extent);
  return to.take();
}

Result<BodyValue> BodyValue::decode(std::string_view value) {
  ValueReader from("body", value, kFormat);
  BodyValue body;
  body.references = from.fixed<std::uint32_t>();
  body.summary = read_extent(from);
  body.content.resize(from.count(kExtentBytes));
  for (Extent& extent : body.content) extent = read_extent(from);
  RETURN_IF_ERROR(from.done());
  return body;
}

std::string ChunkValue::encode() const {
  ValueWriter to(kFormat);
  write(to, extent);
  to.time(staged);
  return to.take();
}

Result<ChunkValue> ChunkValue::decode(std::string_view value) {
  ValueReader from("staged chunk", value, kFormat);
  ChunkValue chunk;
  chunk.extent = read_extent(from);
  chunk.staged = from.time();
  RETURN_IF_ERROR(from.done());
  return chunk;
}

std::string QueueValue::encode() const {
  ValueWriter to(kFormat);
  to.time(accepted);
  to.fixed(size);
  to.raw(guid);
  to.fixed(body.value);
  to.fixed(recipients);
  to.fixed(pending);
  to.text(sender);
  to.text(envelope_id);
  to.text(ret);
  return to.take();
}

Result<QueueValue> QueueValue::decode(std::string_view value) {
  ValueReader from("queue entry", value, kFormat);
  QueueValue entry;
  entry.accepted = from.time();
  entry.size = from.fixed<std::uint64_t>();
  entry.guid = read_guid(from);
  entry.body = Lsn{from.fixed<std::uint64_t>()};
  entry.recipients = from.fixed<std::uint32_t>();
  entry.pending = from.fixed<std::uint32_t>();
  entry.sender = from.text();
  entry.envelope_id = from.text();
  entry.ret = from.text();
  RETURN_IF_ERROR(from.done());
  return entry;
}

std::string RecipientValue::encode() const {
  ValueWriter out(kFormat);
  out.fixed(std::uint8_t{done});
  out.fixed(to.account.value);
  out.fixed(to.shard.value);
  out.text(to.address);
  out.text(to.original);
  out.text(to.notify);
  return out.take();
}

Result<RecipientValue> RecipientValue::decode(std::string_view value) {
  ValueReader from("queue recipient", value, kFormat);
  RecipientValue recipient;
  recipient.done = (from.fixed<std::uint8_t>() & 1) != 0;
  recipient.to.account = AccountId{from.fixed<std::uint64_t>()};
  recipient.to.shard = ShardId{from.fixed<std::uint32_t>()};
  recipient.to.address = from.text();
  recipient.to.original = from.text();
  recipient.to.notify = from.text();
  RETURN_IF_ERROR(from.done());
  return recipient;
}

std::string DeadMailboxValue::encode() const {
  ValueWriter to(kFormat);
  to.fixed(next_uid.value);
  to.fixed(next_modseq.value);
  return to.take();
}

Result<DeadMailboxValue> DeadMailboxValue::decode(std::string_view value) {
  ValueReader from("deleted mailbox", value, kFormat);
  DeadMailboxValue dead;
  dead.next_uid = Uid{from.fixed<std::uint32_t>()};
  dead.next_modseq = ModSeq{from.fixed<std::uint64_t>()};
  RETURN_IF_ERROR(from.done());
  return dead;
}

std::string encode_mailbox_id(MailboxId mailbox) {
  std::string value;
  append_le(value, mailbox.value);
  return value;
}

Result<MailboxId> decode_mailbox_id(std::string_view value) {
  if (value.size() != 8) return Error{ErrorCode::kCorrupt, "index: a damaged mailbox id"};
  return MailboxId{load_le<std::uint64_t>(as_bytes(value).data())};
}

}  // namespace everpost::storage::mail
