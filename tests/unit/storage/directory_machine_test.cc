#include "storage/machine/directory_machine.h"

#include <gtest/gtest.h>

#include "storage/env/memory_env.h"
#include "storage/index/keys.h"
#include "storage/machine/directory_reader.h"
#include "storage/machine/directory_values.h"

namespace everpost::storage {
namespace {

constexpr std::uint32_t kHour = 493'000;  // of the records' time

Credentials some_credentials() { return {"$argon2id$hash", 4096, "salt", "stored", "server"}; }
AddAccount add(const std::string& address) {
  return {address, "Name", ShardId{1}, 1000, some_credentials()};
}

class DirectoryMachine : public testing::Test {
 protected:
  DirectoryMachine() : index_(*Index::open(env_, "index", 1 << 20)) {}

  Result<DirectoryApplied> apply(RecordHeader header, Bytes meta) {
    header.lsn = index_->applied();
    header.meta_bytes = static_cast<std::uint32_t>(meta.size());
    header.time = {kHour * 3'600'000'000ll + static_cast<std::int64_t>(header.lsn.value)};
    const auto txn = index_->begin();
    auto applied = apply_directory(*txn, header, meta);
    if (applied) EXPECT_TRUE(txn->commit(header.end()));
    return applied;
  }
  DirectoryOutcome apply(const DirectoryTxn& txn) {
    RecordHeader header;
    header.type = RecordType::kTxn;
    const auto applied = apply(header, as_bytes(encode(txn)));
    if (!applied) {
      ADD_FAILURE() << to_string(applied.error());
      return {};
    }
    EXPECT_EQ(applied->op, txn.op);
    return *applied->outcome;
  }
  DirectoryOutcome run(std::vector<DirectoryCommand> commands) {
    return apply({{kHour, 1, ++ops_}, "test", std::move(commands)});
  }
  // What a command is refused with; none: carried out.
  std::optional<ErrorCode> refusal(DirectoryCommand command) {
    const auto outcome = run({std::move(command)});
    if (!outcome.error) return std::nullopt;
    return outcome.error->code;
  }
  std::unique_ptr<DirectoryReader> reader() { return *make_directory_reader(index_->snapshot()); }
  void expect_digest_true() { EXPECT_EQ(*index_->recompute_digest(), index_->digest()); }

  MemoryEnv env_;
  std::unique_ptr<Index> index_;
  std::uint64_t ops_ = 0;
};

TEST_F(DirectoryMachine, KeepsAnAccountAsItWasAdded) {
  const auto outcome = run({AddDomain{"example.org"}, add("anna@example.org")});
  ASSERT_FALSE(outcome.error);
  ASSERT_TRUE(outcome.account);
  EXPECT_EQ(outcome.account->id, AccountId{1});
  EXPECT_EQ(outcome.account->credentials.argon2id, "");  // an outcome has none

  const auto account = reader()->account("anna@example.org");
  ASSERT_TRUE(account);
  EXPECT_EQ(account->id, AccountId{1});
  EXPECT_EQ(account->shard, ShardId{1});
  EXPECT_EQ(account->display_name, "Name");
  EXPECT_EQ(account->quota_bytes, 1000u);
  EXPECT_TRUE(account->enabled);
  EXPECT_EQ(account->credentials.argon2id, "$argon2id$hash");
  EXPECT_EQ(account->credentials.scram_iterations, 4096u);
  EXPECT_EQ(account->credentials.scram_salt, "salt");
  EXPECT_EQ(account->credentials.scram_stored_key, "stored");
  EXPECT_EQ(account->credentials.scram_server_key, "server");
  EXPECT_EQ(account->created.micros / 3'600'000'000, kHour);
  EXPECT_EQ(reader()->account(AccountId{1})->address, "anna@example.org");
  expect_digest_true();
}

TEST_F(DirectoryMachine, RefusesWhatIsNotPossible) {
  ASSERT_FALSE(run({AddDomain{"example.org"}, add("anna@example.org"),
                    AddAlias{"info@example.org", {"anna@example.org"}}})
                   .error);
  using enum ErrorCode;
  const struct {
    const char* name;
    DirectoryCommand command;
    ErrorCode want;
  } cases[] = {
      {"a domain twice", AddDomain{"example.org"}, kAlreadyExists},
      {"a domain without a name", AddDomain{""}, kInvalidArgument},
      {"a domain with a line break", AddDomain{"example\r\n.org"}, kInvalidArgument},
      {"a domain that is an address", AddDomain{"anna@example.org"}, kInvalidArgument},
      {"to remove an unknown domain", RemoveDomain{"example.com"}, kNotFound},
      {"to remove a domain in use", RemoveDomain{"example.org"}, kConflict},
      {"an account of an unknown domain", add("anna@example.com"), kNotFound},
      {"an account's address twice", add("anna@example.org"), kAlreadyExists},
      {"an account with an alias's address", add("info@example.org"), kAlreadyExists},
      {"an account without a domain", add("anna"), kInvalidArgument},
      {"an account without a local part", add("@example.org"), kInvalidArgument},
      {"an account with a NUL", add(std::string("a\0b@example.org", 15)), kInvalidArgument},
      {"an alias of an unknown domain", AddAlias{"a@example.com", {"b@c"}}, kNotFound},
      {"an alias with an account's address", AddAlias{"anna@example.org", {"b@c"}}, kAlreadyExists},
      {"an alias twice", AddAlias{"info@example.org", {"b@c"}}, kAlreadyExists},
      {"an alias that leads nowhere", AddAlias{"a@example.org", {}}, kInvalidArgument},
      {"an alias that leads to itself", AddAlias{"a@example.org", {"a@example.org"}},
       kInvalidArgument},
      {"an alias to what is no address", AddAlias{"a@example.org", {"b"}}, kInvalidArgument},
      {"to remove an unknown account", RemoveAccount{"bert@example.org"}, kNotFound},
      {"to remove an alias as an account", RemoveAccount{"info@example.org"}, kNotFound},
      {"to change an unknown account", UpdateAccount{"bert@example.org", "x", {}, {}, {}},
       kNotFound},
      {"to remove an unknown alias", RemoveAlias{"anna@example.org"}, kNotFound},
      {"a setting without a name", SetSetting{"", "x"}, kInvalidArgument},
  };
  const StateDigest before = index_->digest();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(refusal(c.command), c.want);
  }
  ASSERT_FALSE(run({ExpireOps{kHour}}).error);  // outcomes are the only change
  EXPECT_EQ(reader()->accounts("", 10)->size(), 1u);
  EXPECT_EQ(reader()->aliases("", 10)->size(), 1u);
  EXPECT_EQ(reader()->domains("", 10)->size(), 1u);
  EXPECT_NE(index_->digest(), before);
  expect_digest_true();
}

TEST_F(DirectoryMachine, UndoesAllCommandsOfATransactionThatFails) {
  ASSERT_FALSE(run({AddDomain{"example.org"}}).error);
  const auto outcome = run({add("anna@example.org"), SetSetting{"a", "b"}, add("bert@nowhere")});
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::kNotFound);
  EXPECT_FALSE(outcome.account);
  EXPECT_FALSE(reader()->account("anna@example.org"));
  EXPECT_TRUE(reader()->settings()->empty());
  EXPECT_FALSE(refusal(RemoveDomain{"example.org"}));
}

TEST_F(DirectoryMachine, NeverUsesAnAccountIdAgain) {
  ASSERT_FALSE(run({AddDomain{"example.org"}, add("a@example.org"), add("b@example.org")}).error);
  ASSERT_FALSE(run({RemoveAccount{"b@example.org"}}).error);
  EXPECT_EQ(run({add("b@example.org")}).account->id, AccountId{3});
  RecordHeader guard;
  guard.type = RecordType::kRewindGuard;
  ASSERT_TRUE(apply(guard, {}));
  EXPECT_EQ(run({add("c@example.org")}).account->id, AccountId{4 + (1 << 20)});
}

TEST_F(DirectoryMachine, ChangesWhatAnUpdateNames) {
  ASSERT_FALSE(run({AddDomain{"example.org"}, add("anna@example.org")}).error);
  const auto outcome = run({UpdateAccount{"anna@example.org", {}, 2000, {}, {}}});
  EXPECT_EQ(outcome.account->quota_bytes, 2000u);
  EXPECT_EQ(outcome.account->display_name, "Name");
  Credentials other = some_credentials();
  other.argon2id = "$argon2id$other";
  ASSERT_FALSE(run({UpdateAccount{"anna@example.org", "N", {}, false, other}}).error);
  const auto account = reader()->account("anna@example.org");
  EXPECT_EQ(account->display_name, "N");
  EXPECT_EQ(account->quota_bytes, 2000u);
  EXPECT_FALSE(account->enabled);
  EXPECT_EQ(account->credentials.argon2id, "$argon2id$other");
  EXPECT_EQ(account->id, AccountId{1});
}

TEST_F(DirectoryMachine, RemovesADomainOnceItIsEmpty) {
  ASSERT_FALSE(run({AddDomain{"example.org"}, add("anna@example.org"),
                    AddAlias{"info@example.org", {"anna@example.org"}}})
                   .error);
  EXPECT_EQ(refusal(RemoveDomain{"example.org"}), ErrorCode::kConflict);
  EXPECT_FALSE(refusal(RemoveAccount{"anna@example.org"}));
  EXPECT_EQ(refusal(RemoveDomain{"example.org"}), ErrorCode::kConflict);
  EXPECT_FALSE(refusal(RemoveAlias{"info@example.org"}));
  EXPECT_FALSE(refusal(RemoveDomain{"example.org"}));
  EXPECT_FALSE(reader()->domain("example.org"));
}

TEST_F(DirectoryMachine, AppliesAnOperationOnce) {
  ASSERT_FALSE(run({AddDomain{"example.org"}}).error);
  const DirectoryTxn txn{{kHour, 1, 77}, "test", {add("anna@example.org")}};
  const auto first = apply(txn);
  const StateDigest digest = index_->digest();
  const auto second = apply(txn);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(second.repeated);
  EXPECT_FALSE(second.error);
  EXPECT_EQ(second.lsn, first.lsn);
  EXPECT_EQ(second.account->id, first.account->id);
  EXPECT_EQ(second.account->address, first.account->address);
  EXPECT_EQ(index_->digest(), digest);

  const DirectoryTxn refused{{kHour, 1, 78}, "test", {add("anna@example.org")}};
  EXPECT_EQ(apply(refused).error->code, ErrorCode::kAlreadyExists);
  ASSERT_FALSE(run({RemoveAccount{"anna@example.org"}}).error);
  EXPECT_EQ(apply(refused).error->code, ErrorCode::kAlreadyExists);  // as it was decided then
}

TEST_F(DirectoryMachine, RefusesOperationsThatItCouldHaveForgotten) {
  ASSERT_FALSE(apply({{kHour - 2, 1, 1}, "test", {AddDomain{"a.example"}}}).error);
  ASSERT_FALSE(apply({{kHour - 1, 1, 2}, "test", {AddDomain{"b.example"}}}).error);
  ASSERT_FALSE(run({ExpireOps{kHour - 1}}).error);
  EXPECT_EQ(apply({{kHour - 2, 1, 1}, "test", {AddDomain{"c.example"}}}).error->code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(apply({{kHour - 1, 1, 2}, "test", {AddDomain{"b.example"}}}).repeated);
  EXPECT_EQ(apply({{kHour + 2, 1, 3}, "test", {AddDomain{"d.example"}}}).error->code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(apply({{kHour + 1, 1, 4}, "test", {AddDomain{"e.example"}}}).error);
}

TEST_F(DirectoryMachine, NothingExpiresBeforeItsTime) {
  for (const std::uint32_t hour : {kHour + 1, 0xFFFFFFE8u, 0xFFFFFFFFu})
    EXPECT_EQ(run({ExpireOps{hour}}).error->code, ErrorCode::kInvalidArgument) << hour;
  EXPECT_FALSE(run({AddDomain{"example.org"}}).error);
}

TEST_F(DirectoryMachine, AnswersMalformedRecordsWithAnError) {
  RecordHeader header;
  header.type = RecordType::kTxn;
  const auto nonsense = apply(header, as_bytes("nonsense"));
  ASSERT_TRUE(nonsense);
  EXPECT_EQ(nonsense->outcome->error->code, ErrorCode::kCorrupt);
  EXPECT_EQ(nonsense->op, OpId{});

  const DirectoryTxn large{
      {kHour, 1, 5}, "", {AddDomain{std::string(DirectoryLimits::domain_bytes + 1, 'x')}}};
  EXPECT_EQ(apply(large).error->code, ErrorCode::kLimit);
  EXPECT_TRUE(apply(large).repeated);
}

TEST_F(DirectoryMachine, StopsAtRecordsOfANewerProgram) {
  const struct {
    const char* name;
    RecordType type;
    std::uint8_t flags;
    std::uint32_t level;
    bool stops;
  } cases[] = {
      {"a higher feature level", RecordType::kTxn, 0, 2, true},
      {"a compressed meta", RecordType::kNoop, kCompressedMeta, 1, true},
      {"an unknown type", static_cast<RecordType>(99), 0, 1, true},
      {"a change of the feature level", RecordType::kFeatureLevel, 0, 1, true},
      {"an unknown type to be skipped", static_cast<RecordType>(99), kIgnorable, 1, false},
      {"an epoch's start", RecordType::kEpochStart, 0, 1, false},
      {"padding", RecordType::kNoop, 0, 1, false},
      {"a checkpoint mark", RecordType::kCheckpointMark, 0, 1, false},
      {"a chunk of a message", RecordType::kBodyChunk, 0, 1, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RecordHeader header;
    header.type = c.type;
    header.flags = c.flags;
    header.feature_level = c.level;
    const StateDigest digest = index_->digest();
    const auto applied = apply(header, {});
    EXPECT_EQ(applied.has_value(), !c.stops);
    if (!applied) EXPECT_EQ(applied.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(index_->digest(), digest);
  }
}

TEST_F(DirectoryMachine, GivesPagesInTheOrderOfNames) {
  std::vector<DirectoryCommand> commands = {AddDomain{"example.org"}, AddDomain{"a.example"}};
  for (const char* name : {"c", "a", "d", "b", "a.b"})
    commands.push_back(add(std::string(name) + "@example.org"));
  commands.push_back(AddAlias{"x@a.example", {"a@example.org", "y@z"}});
  commands.push_back(SetSetting{"one", "1"});
  commands.push_back(SetSetting{"two", "2"});
  ASSERT_FALSE(run(commands).error);
  ASSERT_FALSE(run({SetSetting{"one", std::nullopt}}).error);

  const auto reader = this->reader();
  EXPECT_EQ(reader->applied(), index_->applied());
  std::vector<std::string> names;
  std::string after;
  for (;;) {
    const auto page = reader->accounts(after, 2);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const AccountRecord& account : *page) names.push_back(account.address);
    after = names.back();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a.b@example.org", "a@example.org", "b@example.org",
                                             "c@example.org", "d@example.org"}));
  EXPECT_EQ(reader->domains("a.example", 10)->at(0).name, "example.org");
  EXPECT_EQ(reader->alias("x@a.example")->targets,
            (std::vector<std::string>{"a@example.org", "y@z"}));
  EXPECT_EQ(reader->aliases("", 10)->size(), 1u);
  EXPECT_EQ(reader->accounts("", 0)->size(), 0u);
  EXPECT_EQ(*reader->settings(), (std::map<std::string, std::string>{{"two", "2"}}));
  EXPECT_EQ(reader->account("x@a.example").error().code, ErrorCode::kNotFound);
}

TEST_F(DirectoryMachine, MissesDamagedValues) {
  ASSERT_FALSE(run({AddDomain{"example.org"}, add("anna@example.org")}).error);
  const auto value = *index_->snapshot()->get(keys::account_record(AccountId{1}));
  for (std::size_t cut = 0; cut < value->size(); ++cut)
    EXPECT_FALSE(directory::decode_account(AccountId{1}, value->substr(0, cut)));
  EXPECT_FALSE(directory::decode_account(AccountId{1}, *value + "x"));
  std::string newer = *value;
  newer[0] = 2;
  EXPECT_EQ(directory::decode_account(AccountId{1}, newer).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace everpost::storage
