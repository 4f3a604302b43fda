// The encoded form of commands: it must be readable for ever, and bad bytes must do no harm.
#include "storage/machine/mail_command.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <set>

namespace everpost::storage {
namespace {

std::string golden_path(const std::string& name) {
  return std::string(EVERPOST_GOLDEN) + "/mail_command/" + name + ".bin";
}
std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

NewContent content() {
  NewContent content;
  content.upload = Uuid{std::byte{1}, std::byte{2}};
  content.chunks = 3;
  content.own_bytes = 1000;
  content.own_crc = 0xDEADBEEF;
  content.summary_bytes = 200;
  content.summary_crc = 0xCAFE;
  content.size = 787432;
  content.guid = Guid{std::byte{0xAA}, std::byte{0xBB}};
  return content;
}
UidSet some_uids() {
  UidSet uids;
  uids.add(Uid{1}, Uid{3});
  uids.add(Uid{7});
  uids.add(Uid{4294967290}, Uid{4294967295});
  return uids;
}

// Every command with every field set.
std::vector<std::pair<std::string, MailCommand>> commands() {
  AddMessage add;
  add.targets = {{AccountId{1}, MailboxId{0}}, {AccountId{2}, MailboxId{77}}};
  add.content = content();
  add.flags = {kSeen | kDraft, {"$Forwarded", "work"}};
  add.internal_date = {1'700'000'000'000'001};
  add.enforce_quota = true;
  QueueAdd queue;
  queue.sender = "ann@example.org";
  queue.envelope_id = "QQ+314";
  queue.ret = "FULL";
  queue.content = content();
  queue.recipients = {
      {"bob@example.net", AccountId{5}, ShardId{3}, "rfc822;robert@example.net", "FAILURE,DELAY"},
      {"eve@example.net", AccountId{6}, ShardId{4}, "", ""}};
  return {
      {"add_message", add},
      {"store_flags", StoreFlags{MailboxId{9},
                                 some_uids(),
                                 StoreFlags::Mode::kRemove,
                                 {kDeleted, {"later"}},
                                 ModSeq{1234567890123}}},
      {"expunge", Expunge{MailboxId{9}, some_uids(), false}},
      {"copy_messages", CopyMessages{MailboxId{9}, some_uids(), MailboxId{10}, true, false}},
      {"create_mailbox", CreateMailbox{AccountId{1}, "Entw\xC3\xBCrfe/neu", "\\Drafts"}},
      {"rename_mailbox", RenameMailbox{AccountId{1}, "a/b", "c"}},
      {"delete_mailbox", DeleteMailbox{AccountId{1}, "a/b"}},
      {"subscribe", Subscribe{AccountId{1}, "news", false}},
      {"claim_recent", ClaimRecent{MailboxId{9}}},
      {"create_account", CreateAccount{AccountId{1}, 1 << 30}},
      {"set_quota", SetQuota{AccountId{1}, 5 << 20}},
      {"delete_account", DeleteAccount{AccountId{18446744073709551615u}}},
      {"queue_add", queue},
      {"queue_done", QueueDone{640, {0, 1, 65535}}},
      {"expire", Expire{490000, WallTime{1'700'000'000'000'000}}},
  };
}
MailTxn txn_of(MailCommand command) {
  MailTxn txn;
  txn.op = {490001, 7, 0x0123456789ABCDEF};
  txn.actor = AccountId{42};
  txn.commands.push_back(std::move(command));
  return txn;
}

TEST(MailCommand, EveryOneIsTested) {
  std::set<std::size_t> seen;
  for (const auto& [name, command] : commands()) seen.insert(command.index());
  EXPECT_EQ(seen.size(), std::variant_size_v<MailCommand>);
}

TEST(MailCommand, IsDecodedToWhatWasEncoded) {
  for (const auto& [name, command] : commands()) {
    SCOPED_TRACE(name);
    const std::string meta = encode(txn_of(command));
    const auto back = decode_mail_txn(as_bytes(meta));
    ASSERT_TRUE(back) << to_string(back.error());
    EXPECT_EQ(back->op, txn_of(command).op);
    EXPECT_EQ(back->actor, AccountId{42});
    ASSERT_EQ(back->commands.size(), 1u);
    EXPECT_EQ(back->commands[0].index(), command.index());
    EXPECT_EQ(encode(*back), meta);
  }
}

TEST(MailCommand, FieldsAreThoseThatWereSet) {
  const auto all = commands();
  const auto add =
      std::get<AddMessage>(decode_mail_txn(as_bytes(encode(txn_of(all[0].second))))->commands[0]);
  EXPECT_EQ(add.targets[1].mailbox, MailboxId{77});
  EXPECT_EQ(add.content.upload, content().upload);
  EXPECT_EQ(add.content.guid, content().guid);
  EXPECT_EQ(add.content.own_crc, 0xDEADBEEF);
  EXPECT_EQ(add.flags.keywords[1], "work");
  EXPECT_TRUE(add.enforce_quota);
  const auto store =
      std::get<StoreFlags>(decode_mail_txn(as_bytes(encode(txn_of(all[1].second))))->commands[0]);
  EXPECT_EQ(store.uids, some_uids());
  EXPECT_EQ(store.mode, StoreFlags::Mode::kRemove);
  EXPECT_EQ(store.unchanged_since, ModSeq{1234567890123});
}

// What some version wrote once is in logs: every later version reads it. With
// EVERPOST_WRITE_GOLDEN set, files that are missing are written.
TEST(MailCommand, GoldenFilesAreReadForEver) {
  for (const auto& [name, command] : commands()) {
    SCOPED_TRACE(name);
    const std::string path = golden_path(name);
    std::string meta = read(path);
    if (meta.empty() && std::getenv("EVERPOST_WRITE_GOLDEN")) {
      meta = encode(txn_of(command));
      std::ofstream(path, std::ios::binary) << meta;
    }
    const auto decoded = decode_mail_txn(as_bytes(meta));
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_EQ(encode(*decoded), encode(txn_of(command)));
  }
}

TEST(MailCommand, IsReadAtAnyAlignment) {
  const std::string meta = encode(txn_of(commands()[0].second));
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, ' ') + meta;
    EXPECT_TRUE(decode_mail_txn(as_bytes(shifted).subspan(shift)));
  }
}

TEST(MailCommand, BeyondTheLimitsIsRefused) {
  AddMessage add = std::get<AddMessage>(commands()[0].second);
  AddMessage targets = add, keywords = add, keyword = add, chunks = add;
  targets.targets.resize(MailLimits::targets + 1);
  keywords.flags.keywords.assign(MailLimits::keywords + 1, "k");
  keyword.flags.keywords = {std::string(MailLimits::keyword_bytes + 1, 'k')};
  chunks.content.chunks = MailLimits::chunks + 1;
  UidSet ranges;
  for (std::uint32_t n = 0; n <= MailLimits::uid_ranges; ++n) ranges.add(Uid{2 * n + 1});
  QueueAdd queue = std::get<QueueAdd>(commands()[12].second);
  QueueAdd recipients = queue, sender = queue;
  recipients.recipients.resize(MailLimits::recipients + 1);
  sender.sender = std::string(MailLimits::address_bytes + 1, 's');
  const std::pair<const char*, MailCommand> cases[] = {
      {"targets", targets},
      {"keywords", keywords},
      {"a keyword", keyword},
      {"chunks", chunks},
      {"ranges", Expunge{MailboxId{1}, ranges, false}},
      {"recipients", recipients},
      {"sender", sender},
      {"name", CreateMailbox{AccountId{1}, std::string(MailLimits::name_bytes + 1, 'n'), ""}},
  };
  for (const auto& [name, command] : cases) {
    SCOPED_TRACE(name);
    const auto decoded = decode_mail_txn(as_bytes(encode(txn_of(command))));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::kLimit);
    EXPECT_EQ(*decode_mail_op(as_bytes(encode(txn_of(command)))), txn_of(command).op);
  }
  MailTxn many = txn_of(ClaimRecent{MailboxId{1}});
  many.commands.assign(MailLimits::commands + 1, ClaimRecent{MailboxId{1}});
  EXPECT_EQ(decode_mail_txn(as_bytes(encode(many))).error().code, ErrorCode::kLimit);
}

TEST(MailCommand, WithoutCommandsOrWithHalfAnUploadIsCorrupt) {
  MailTxn none = txn_of(ClaimRecent{});
  none.commands.clear();
  EXPECT_EQ(decode_mail_txn(as_bytes(encode(none))).error().code, ErrorCode::kCorrupt);
  AddMessage add = std::get<AddMessage>(commands()[0].second);
  add.content.chunks = 0;
  EXPECT_EQ(decode_mail_txn(as_bytes(encode(txn_of(add)))).error().code, ErrorCode::kCorrupt);
}

// The discriminant of the command's union is the first 16 bits of its struct. Where that is can be
// seen by comparing two commands without other fields.
TEST(MailCommand, ANewerOneIsUnsupportedRatherThanCorrupt) {
  const std::string a = encode(txn_of(ClaimRecent{MailboxId{0}}));
  const std::string b = encode(txn_of(DeleteAccount{AccountId{0}}));
  ASSERT_EQ(a.size(), b.size());
  std::vector<std::size_t> differ;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) differ.push_back(i);
  ASSERT_EQ(differ.size(), 1u);
  std::string newer = a;
  newer[differ[0]] = 100;
  EXPECT_EQ(decode_mail_txn(as_bytes(newer)).error().code, ErrorCode::kUnsupported);
}

TEST(MailCommand, TruncatedIsCorrupt) {
  for (const auto& [name, command] : commands()) {
    SCOPED_TRACE(name);
    const std::string meta = encode(txn_of(command));
    for (std::size_t bytes = 0; bytes < meta.size(); ++bytes) {
      const auto decoded = decode_mail_txn(as_bytes(meta).first(bytes));
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST(MailCommand, DamagedNeverDoesHarm) {
  std::mt19937 random(11);
  for (const auto& [name, command] : commands()) {
    SCOPED_TRACE(name);
    const std::string meta = encode(txn_of(command));
    for (int i = 0; i < 400; ++i) {
      std::string damaged = meta;
      for (unsigned n = random() % 4 + 1; n > 0; --n)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      const auto decoded = decode_mail_txn(as_bytes(damaged));
      // Whatever is accepted can be written again.
      if (decoded) EXPECT_TRUE(decode_mail_txn(as_bytes(encode(*decoded))));
    }
  }
}

TEST(MailCommand, UploadRecordsAreReadBack) {
  const BodyChunk chunk{Uuid{std::byte{9}}, 4095};
  const std::string meta = encode(chunk);
  EXPECT_EQ(meta.size(), 24u);
  EXPECT_EQ(*decode_body_chunk(as_bytes(meta)), chunk);
  EXPECT_EQ(*decode_body_chunk(as_bytes(meta + "more of a newer program")), chunk);
  EXPECT_EQ(decode_body_chunk(as_bytes(meta).first(23)).error().code, ErrorCode::kCorrupt);
  const UploadAbort abort{Uuid{std::byte{9}}};
  EXPECT_EQ(*decode_upload_abort(as_bytes(encode(abort))), abort);
  EXPECT_EQ(decode_upload_abort({}).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace everpost::storage
