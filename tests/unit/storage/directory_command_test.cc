#include "storage/machine/directory_command.h"

#include <gtest/gtest.h>
#include <random>

#include "tests/unit/storage/golden.h"

namespace everpost::storage {
namespace {

Credentials credentials() {
  return {"$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA", 4096, std::string("\0salt", 5),
          std::string(32, '\x11'), std::string(32, '\x22')};
}

// One of each command, each field set: also the golden file's contents.
DirectoryTxn every_command() {
  DirectoryTxn txn;
  txn.op = {493'000, 3, 0x0123456789abcdef};
  txn.actor = "root via socket";
  txn.commands = {
      AddDomain{"example.org"},
      AddAccount{"anna@example.org", "Anna Á", ShardId{2}, 5ull << 30, credentials()},
      UpdateAccount{"anna@example.org", "Anna B", std::nullopt, false, std::nullopt},
      UpdateAccount{"anna@example.org", std::nullopt, 0, std::nullopt, Credentials{}},
      AddAlias{"info@example.org", {"anna@example.org", "bert@elsewhere.example"}},
      RemoveAlias{"info@example.org"},
      SetSetting{"smtp.banner", "hello"},
      SetSetting{"smtp.banner", std::nullopt},
      RemoveAccount{"anna@example.org"},
      RemoveDomain{"example.org"},
      ExpireOps{492'976},
  };
  return txn;
}

ErrorCode decode_error(const DirectoryTxn& txn) {
  const auto decoded = decode_directory_txn(as_bytes(encode(txn)));
  return decoded ? ErrorCode::kInternal : decoded.error().code;
}

TEST(DirectoryCommand, IsReadAsItWasWritten) {
  const std::string bytes = encode(every_command());
  const auto decoded = decode_directory_txn(as_bytes(bytes));
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(decoded->op, every_command().op);
  EXPECT_EQ(decoded->actor, "root via socket");
  ASSERT_EQ(decoded->commands.size(), every_command().commands.size());
  EXPECT_EQ(encode(*decoded), bytes);

  const auto& account = std::get<AddAccount>(decoded->commands[1]);
  EXPECT_EQ(account.address, "anna@example.org");
  EXPECT_EQ(account.display_name, "Anna Á");
  EXPECT_EQ(account.shard, ShardId{2});
  EXPECT_EQ(account.quota_bytes, 5ull << 30);
  EXPECT_EQ(account.credentials.scram_salt, std::string("\0salt", 5));
  EXPECT_EQ(account.credentials.scram_iterations, 4096u);
  const auto& first = std::get<UpdateAccount>(decoded->commands[2]);
  EXPECT_EQ(first.display_name, "Anna B");
  EXPECT_EQ(first.quota_bytes, std::nullopt);
  EXPECT_EQ(first.enabled, false);
  EXPECT_FALSE(first.credentials);
  const auto& second = std::get<UpdateAccount>(decoded->commands[3]);
  EXPECT_EQ(second.display_name, std::nullopt);
  EXPECT_EQ(second.quota_bytes, 0u);
  EXPECT_TRUE(second.credentials);
  EXPECT_EQ(std::get<SetSetting>(decoded->commands[7]).value, std::nullopt);
}

TEST(DirectoryCommand, OfTheGoldenFileStaysReadable) {
  const std::string golden = storage::golden("directory/command-1.bin", encode(every_command()));
  const auto decoded = decode_directory_txn(as_bytes(golden));
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(encode(*decoded), encode(every_command()));
  // Replicas compare their logs byte by byte: the same command has to be the same bytes.
  EXPECT_EQ(golden, encode(every_command()));
}

// The example of docs/formats/directory_command.md.
TEST(DirectoryCommand, OfTheDocumentIsWhatItSays) {
  const DirectoryTxn txn{every_command().op, "root via socket", {AddDomain{"example.org"}}};
  const auto decoded =
      decode_directory_txn(as_bytes(golden("directory/add_domain-1.bin", encode(txn))));
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(encode(*decoded), encode(txn));
}

TEST(DirectoryCommand, HasItsOpIdReadAlone) {
  const auto op = decode_directory_op(as_bytes(encode(every_command())));
  ASSERT_TRUE(op);
  EXPECT_EQ(*op, every_command().op);
}

TEST(DirectoryCommand, IsRefusedBeyondItsLimits) {
  using Limits = DirectoryLimits;
  const struct {
    const char* name;
    DirectoryCommand command;
  } cases[] = {
      {"a domain's name", AddDomain{std::string(Limits::domain_bytes + 1, 'd')}},
      {"an address", RemoveAccount{std::string(Limits::address_bytes + 1, 'a')}},
      {"a display name",
       UpdateAccount{"a@b", std::string(Limits::display_name_bytes + 1, 'n'), {}, {}, {}}},
      {"a credential", AddAccount{"a@b",
                                  "",
                                  ShardId{1},
                                  0,
                                  {std::string(Limits::credential_bytes + 1, 'x'), 0, "", "", ""}}},
      {"an alias's targets", AddAlias{"a@b", std::vector<std::string>(Limits::targets + 1, "c@d")}},
      {"a setting's name", SetSetting{std::string(Limits::setting_name_bytes + 1, 's'), ""}},
      {"a setting's value", SetSetting{"s", std::string(Limits::setting_value_bytes + 1, 'v')}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decode_error({{}, "", {c.command}}), ErrorCode::kLimit);
  }
  DirectoryTxn many;
  many.commands.assign(Limits::commands + 1, ExpireOps{});
  EXPECT_EQ(decode_error(many), ErrorCode::kLimit);
  EXPECT_EQ(decode_error({{}, std::string(Limits::actor_bytes + 1, 'a'), {}}), ErrorCode::kLimit);
}

TEST(DirectoryCommand, OfANewerProgramIsUnsupported) {
  const DirectoryTxn txn{{}, "", {ExpireOps{0x12345678}}};
  std::string bytes = encode(txn);
  // The number of the command, padding, its operand.
  const auto at = bytes.find(std::string("\x08\0\0\0\x78\x56\x34\x12", 8));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 9;
  const auto decoded = decode_directory_txn(as_bytes(bytes));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
}

TEST(DirectoryCommand, CutShortOrWithMoreBehindItIsCorrupt) {
  const std::string bytes = encode(every_command());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto decoded = decode_directory_txn(as_bytes(bytes.substr(0, cut)));
    ASSERT_FALSE(decoded) << cut;
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_FALSE(decode_directory_txn(as_bytes(bytes + std::string(8, '\0'))));
}

TEST(DirectoryCommand, OfAnyBytesIsReadOrRefused) {
  std::mt19937_64 random(1);
  const std::string bytes = encode(every_command());
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    for (auto n = random() % 4 + 1; n > 0; --n)
      changed[random() % changed.size()] = static_cast<char>(random());
    const auto decoded = decode_directory_txn(as_bytes(changed));
    if (decoded) encode(*decoded);
    // No credential gets into an error.
    if (!decoded) EXPECT_EQ(decoded.error().context.find("argon2id$"), std::string::npos);
  }
}

}  // namespace
}  // namespace everpost::storage
