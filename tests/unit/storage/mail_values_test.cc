// The values of the index, byte for byte as docs/formats/index.md describes them: what one version
// wrote, every later one has to read.
#include <gtest/gtest.h>

#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/values.h"

namespace everpost::storage::mail {
namespace {

std::string unhex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  return bytes;
}

// Decodes to `value` and encodes to `bytes`; a shorter, a longer and a newer one is refused.
template <class Value>
void expect_bytes(const Value& value, std::string_view text) {
  const std::string bytes = unhex(text);
  EXPECT_EQ(hex(as_bytes(value.encode())), hex(as_bytes(bytes)));
  const auto decoded = Value::decode(bytes);
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(decoded->encode(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = Value::decode(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_EQ(Value::decode(bytes + "x").error().code, ErrorCode::kCorrupt);
  std::string newer = bytes;
  newer[0] = 9;
  EXPECT_EQ(Value::decode(newer).error().code, ErrorCode::kUnsupported);
  newer[0] = 0;
  EXPECT_EQ(Value::decode(newer).error().code, ErrorCode::kCorrupt);
}

TEST(MailValues, Shard) {
  ShardValue shard;
  shard.next_mailbox = MailboxId{7};
  shard.ops_floor = 500'000;
  shard.ops_swept = {499'990, 1, 2};
  shard.dead_mailboxes = 1;
  expect_bytes(shard, "01 0700000000000000 20a10700 16a10700 01000000 0200000000000000 01000000");
}

TEST(MailValues, Account) {
  AccountValue account;
  account.quota_bytes = 1 << 30;
  account.used_bytes = 10251;
  account.messages = 1;
  account.modseq = ModSeq{7};
  account.uid_validity = UidValidity{1'800'000'005};
  account.mailboxes = 6;
  account.subscriptions = 6;
  account.inbox = MailboxId{1};
  expect_bytes(account,
               "01 00 0000004000000000 0b28000000000000 0100000000000000 0700000000000000 "
               "05d2496b 06000000 06000000 0100000000000000");
}

TEST(MailValues, Mailbox) {
  MailboxValue mailbox;
  mailbox.account = AccountId{1};
  mailbox.uid_validity = UidValidity{1'800'000'000};
  mailbox.uid_next = Uid{2};
  mailbox.highest_modseq = ModSeq{7};
  mailbox.messages = 1;
  mailbox.unseen = 1;
  mailbox.bytes = 10251;
  mailbox.name = "Drafts";
  mailbox.special_use = "\\Drafts";
  mailbox.keywords = {"work"};
  expect_bytes(mailbox,
               "01 01 0100000000000000 00d2496b 02000000 01000000 0700000000000000 "
               "0000000000000000 01000000 01000000 00000000 00000000 0b28000000000000 "
               "06 447261667473 07 5c447261667473 01 04 776f726b");
}

TEST(MailValues, Message) {
  MessageValue message;
  message.flags = kSeen | kFlagged;
  message.keywords = 1;
  message.modseq = ModSeq{7};
  message.internal_date = {1'800'000'000'000'000};
  message.save_date = {1'800'000'000'000'001};
  message.size = 10251;
  for (std::size_t i = 0; i < 16; ++i) message.guid[i] = std::byte(i);
  message.body = Lsn{4280};
  message.summary = {Lsn{4280 + 10251}, 600, 0x11223344};
  message.content = {{Lsn{4280}, 10251, 0xAABBCCDD}};
  expect_bytes(message,
               "01 01 0500 58020000 0100000000000000 0700000000000000 0080982817650600 "
               "0180982817650600 0b28000000000000 000102030405060708090a0b0c0d0e0f "
               "b810000000000000 c338000000000000 44332211 b810000000000000 0b280000 ddccbbaa");
}

TEST(MailValues, AMessageOfManyExtentsLeavesThemToItsBody) {
  MessageValue message;
  message.content.resize(MessageValue::kInlineExtents);
  EXPECT_EQ(MessageValue::decode(message.encode())->content.size(), 8u);
  message.content.emplace_back();
  EXPECT_TRUE(MessageValue::decode(message.encode())->content.empty());
}

TEST(MailValues, TheStateOfAMessageIsPatchedInPlace) {
  MessageValue message;
  message.modseq = ModSeq{7};
  message.content.resize(1);
  std::string value = message.encode();
  MessageState{kDeleted, 3, ModSeq{9}}.patch(value);
  message.flags = kDeleted;
  message.keywords = 3;
  message.modseq = ModSeq{9};
  EXPECT_EQ(*MessageValue::decode(value), message);
  EXPECT_EQ(*MessageState::decode(value), (MessageState{kDeleted, 3, ModSeq{9}}));
}

TEST(MailValues, Body) {
  BodyValue body;
  body.references = 2;
  body.summary = {Lsn{14531}, 600, 0x11223344};
  body.content = {{Lsn{4280}, 10251, 0xAABBCCDD}};
  expect_bytes(body,
               "01 02000000 c338000000000000 58020000 44332211 01 b810000000000000 0b280000 "
               "ddccbbaa");
}

TEST(MailValues, Chunk) {
  ChunkValue chunk;
  chunk.extent = {Lsn{4280}, 262'144, 0xAABBCCDD};
  chunk.staged = {1'800'000'000'000'000};
  expect_bytes(chunk, "01 b810000000000000 00000400 ddccbbaa 0080982817650600");
}

TEST(MailValues, QueueEntry) {
  QueueValue entry;
  entry.accepted = {1'800'000'000'000'000};
  entry.size = 10251;
  for (std::size_t i = 0; i < 16; ++i) entry.guid[i] = std::byte(i);
  entry.body = Lsn{4280};
  entry.recipients = 2;
  entry.pending = 1;
  entry.sender = "a@b.c";
  entry.ret = "HDRS";
  expect_bytes(entry,
               "01 0080982817650600 0b28000000000000 000102030405060708090a0b0c0d0e0f "
               "b810000000000000 02000000 01000000 05 6140622e63 00 04 48445253");
}

TEST(MailValues, Recipient) {
  RecipientValue recipient;
  recipient.done = true;
  recipient.to = {"r@x.y", AccountId{3}, ShardId{2}, "", "NEVER"};
  expect_bytes(recipient, "01 01 0300000000000000 02000000 05 7240782e79 00 05 4e45564552");
}

TEST(MailValues, DeadMailbox) {
  expect_bytes(DeadMailboxValue{Uid{10'001}, ModSeq{0}}, "01 11270000 0000000000000000");
}

TEST(MailValues, MailboxId) {
  const std::string bytes = unhex("0700000000000000");
  EXPECT_EQ(encode_mailbox_id(everpost::MailboxId{7}), bytes);
  EXPECT_EQ(*decode_mailbox_id(bytes), everpost::MailboxId{7});
  EXPECT_EQ(decode_mailbox_id("short").error().code, ErrorCode::kCorrupt);
}

TEST(MailValues, Outcome) {
  MailOutcome outcome;
  outcome.lsn = Lsn{4096};
  outcome.results.push_back(std::vector<AddedMessage>{
      {std::nullopt, everpost::MailboxId{1}, UidValidity{1'800'000'000}, Uid{1}, ModSeq{7}}});
  EXPECT_EQ(hex(as_bytes(encode_outcome(outcome))),
            hex(as_bytes(unhex("01 0010000000000000 00 01 01 01 00 0100000000000000 00d2496b "
                               "01000000 0700000000000000"))));
  MailOutcome refused;
  refused.lsn = Lsn{4096};
  refused.error = Error{ErrorCode::kOverQuota, "words are not kept"};
  EXPECT_EQ(hex(as_bytes(encode_outcome(refused))),
            hex(as_bytes(unhex("01 0010000000000000 04 00"))));
}

}  // namespace
}  // namespace everpost::storage::mail
