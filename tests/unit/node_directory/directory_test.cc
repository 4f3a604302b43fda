#include "node/directory/directory.h"

#include <gmock/gmock.h>

#include "node/directory/resolve.h"
#include "tests/unit/node_directory/memory_directory.h"
#include "tests/unit/node_directory/run_task.h"

namespace everpost::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    store.add_domain("example.test");
    store.add_account("alice@example.test", ShardId{1});
    store.add_account("bob@example.test", ShardId{2});
  }
  Resolution resolve(const std::string& address) {
    return run_task(directory.resolve(parse_address(address).value())).value();
  }
  static std::vector<std::string> names(const Resolution& resolution) {
    std::vector<std::string> result;
    for (const LocalRecipient& r : resolution.local) result.push_back(r.address);
    return result;
  }
  MemoryDirectory store;
  Directory directory{store};
};

TEST_F(DirectoryTest, FindsAnAccount) {
  const Resolution found = resolve("ALICE@Example.Test");
  EXPECT_TRUE(found.domain_is_ours);
  ASSERT_EQ(found.local.size(), 1u);
  EXPECT_EQ(found.local[0].account, AccountId{1});
  EXPECT_EQ(found.local[0].shard, ShardId{1});
}

TEST_F(DirectoryTest, FindsNobodyInADomainOfOurs) {
  const Resolution found = resolve("nobody@example.test");
  EXPECT_TRUE(found.domain_is_ours);
  EXPECT_TRUE(found.enabled);
  EXPECT_THAT(found.local, IsEmpty());
}

TEST_F(DirectoryTest, KnowsThatADomainIsNotOurs) {
  EXPECT_FALSE(resolve("alice@example.org").domain_is_ours);
  EXPECT_FALSE(resolve("alice@[127.0.0.1]").domain_is_ours);
}

TEST_F(DirectoryTest, FindsTheAccountOfASubaddress) {
  EXPECT_THAT(names(resolve("alice+lists@example.test")), ElementsAre("alice@example.test"));
}

TEST_F(DirectoryTest, PrefersAnExactAddressToASubaddress) {
  store.add_account("alice+lists@example.test");
  EXPECT_THAT(names(resolve("alice+lists@example.test")), ElementsAre("alice+lists@example.test"));
}

TEST_F(DirectoryTest, FollowsAliases) {
  store.add_alias("all@example.test", {"team@example.test", "carol@example.org"});
  store.add_alias("team@example.test", {"alice@example.test", "bob+work@example.test"});
  const Resolution found = resolve("all+x@example.test");
  EXPECT_THAT(names(found), ElementsAre("alice@example.test", "bob@example.test"));
  EXPECT_THAT(found.elsewhere, ElementsAre("carol@example.org"));
}

TEST_F(DirectoryTest, DeliversOnceHoweverManyWaysLeadThere) {
  store.add_alias("a@example.test", {"alice@example.test", "b@example.test", "x@example.org"});
  store.add_alias("b@example.test", {"alice+tag@example.test", "X@Example.ORG"});
  const Resolution found = resolve("a@example.test");
  EXPECT_THAT(names(found), ElementsAre("alice@example.test"));
  EXPECT_THAT(found.elsewhere, ElementsAre("x@example.org"));
}

TEST_F(DirectoryTest, LeavesALoopOfAliases) {
  store.add_alias("a@example.test", {"b@example.test"});
  store.add_alias("b@example.test", {"a@example.test", "bob@example.test"});
  EXPECT_THAT(names(resolve("a@example.test")), ElementsAre("bob@example.test"));
  store.add_alias("self@example.test", {"self@example.test"});
  EXPECT_THAT(names(resolve("self@example.test")), IsEmpty());
}

TEST_F(DirectoryTest, FollowsTenLevelsAndRefusesEleven) {
  store.add_alias("level1@example.test", {"alice@example.test"});
  for (int level = 2; level <= 11; ++level)
    store.add_alias("level" + std::to_string(level) + "@example.test",
                    {"level" + std::to_string(level - 1) + "@example.test"});
  EXPECT_THAT(names(resolve("level10@example.test")), ElementsAre("alice@example.test"));
  const auto refused = run_task(directory.resolve({"level11", "example.test"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST_F(DirectoryTest, RefusesAnAliasThatLeadsToTooMany) {
  for (int list = 0; list < 11; ++list) {
    std::vector<std::string> targets;
    for (int i = 0; i < 1000; ++i)
      targets.push_back("u" + std::to_string(list * 1000 + i) + "@example.org");
    store.add_alias("list" + std::to_string(list) + "@example.test", targets);
  }
  std::vector<std::string> lists;
  for (int list = 0; list < 11; ++list)
    lists.push_back("list" + std::to_string(list) + "@example.test");
  store.add_alias("everybody@example.test", lists);
  const auto refused = run_task(directory.resolve({"everybody", "example.test"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST_F(DirectoryTest, SaysThatAnAccountIsSwitchedOff) {
  store.account_records["bob@example.test"].enabled = false;
  EXPECT_FALSE(resolve("bob@example.test").enabled);
  EXPECT_THAT(resolve("bob@example.test").local, IsEmpty());
  store.add_alias("both@example.test", {"alice@example.test", "bob@example.test"});
  EXPECT_TRUE(resolve("both@example.test").enabled);
  EXPECT_THAT(names(resolve("both@example.test")), ElementsAre("alice@example.test"));
}

TEST_F(DirectoryTest, AsksOnceWhileTheDirectoryStaysTheSame) {
  for (int i = 0; i < 3; ++i) resolve("alice@example.test");
  EXPECT_EQ(store.reads, 1);
  for (int i = 0; i < 3; ++i) resolve("nobody@example.test");
  EXPECT_EQ(store.reads, 2);
}

TEST_F(DirectoryTest, SeesAChangeAtOnce) {
  EXPECT_THAT(resolve("carol@example.test").local, IsEmpty());
  store.add_account("carol@example.test");
  ++store.changes;
  EXPECT_THAT(names(resolve("carol@example.test")), ElementsAre("carol@example.test"));
}

TEST_F(DirectoryTest, DoesNotRememberAnError) {
  store.broken = Error{ErrorCode::kUnavailable, "starting"};
  EXPECT_FALSE(run_task(directory.resolve({"alice", "example.test"})));
  store.broken.reset();
  EXPECT_THAT(names(resolve("alice@example.test")), ElementsAre("alice@example.test"));
}

TEST_F(DirectoryTest, FindsALoginByItsFullAddressOnly) {
  store.add_alias("info@example.test", {"alice@example.test"});
  EXPECT_EQ(run_task(directory.find_login("Alice@example.test")).value()->id, AccountId{1});
  for (const char* login : {"alice", "info@example.test", "alice+tag@example.test", "", "a@b@c"}) {
    SCOPED_TRACE(login);
    const auto found = run_task(directory.find_login(login));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace everpost::node
