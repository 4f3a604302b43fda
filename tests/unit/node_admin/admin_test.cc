#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "node/admin/routes.h"
#include "tests/unit/node_admin/memory_node.h"
#include "tests/unit/node_directory/memory_directory.h"
#include "tests/unit/node_directory/run_task.h"

namespace everpost::node::admin {
namespace {

using boost::beast::http::verb;
using testing::HasSubstr;
using testing::Not;

class AdminTest : public testing::Test {
 protected:
  AdminTest() {
    config.hostname = "mail.example.test";
    store.add_domain("example.test");
  }

  Answer call(verb method, const std::string& target, const std::string& body = "") {
    return run_task(dispatch(context, method, target, body, "uid 0 via socket"));
  }
  json::object good(verb method, const std::string& target, const std::string& body = "") {
    const Answer answer = call(method, target, body);
    EXPECT_TRUE(answer) << target << ": " << to_string(answer.error().error);
    return answer ? answer->as_object() : json::object{};
  }
  Refusal bad(verb method, const std::string& target, const std::string& body = "") {
    const Answer answer = call(method, target, body);
    EXPECT_FALSE(answer) << target << ": " << json::serialize(*answer);
    return answer ? Refusal{} : answer.error();
  }
  ErrorCode code(verb method, const std::string& target, const std::string& body = "") {
    return bad(method, target, body).error.code;
  }
  const storage::AccountRecord& record(const std::string& address) {
    return store.account_records.at(address);
  }
  storage::AccountInfo* mailboxes(const std::string& address) {
    const auto found = mail.accounts.find({record(address).shard, record(address).id});
    return found == mail.accounts.end() ? nullptr : &found->second;
  }

  MemoryDirectory store;
  MemoryMail mail;
  MemoryNode node{mail, store};
  Config config;
  Directory directory{store};
  Authenticator authenticator{directory, 1, HashCost{1, 8192, 1}};
  Metrics metrics;
  MemoryBudget budget{1 << 20};
  Services services{config,        system_clock(), mail,    directory,
                    authenticator, nullptr,        metrics, budget};
  asio::thread_pool pool{2};
  Context context{services, node, pool, WallTime{0}};
};

TEST_F(AdminTest, AddsListsAndRemovesDomains) {
  EXPECT_EQ(good(verb::post, "/v1/domains", R"({"name":"Second.Test"})")["name"], "second.test");
  EXPECT_EQ(good(verb::get, "/v1/domains")["domains"].as_array().size(), 2u);
  EXPECT_EQ(good(verb::get, "/v1/domains/SECOND.test")["accounts"], 0);
  good(verb::delete_, "/v1/domains/second.test");
  EXPECT_EQ(code(verb::get, "/v1/domains/second.test"), ErrorCode::kNotFound);
  EXPECT_EQ(code(verb::delete_, "/v1/domains/second.test"), ErrorCode::kNotFound);
}

TEST_F(AdminTest, RemindsOfThePostmaster) {
  const auto answer = good(verb::post, "/v1/domains", R"({"name":"second.test"})");
  EXPECT_THAT(json::serialize(answer.at("warnings")), HasSubstr("postmaster@second.test"));
}

TEST_F(AdminTest, KeepsADomainThatIsInUseAndNamesTheUser) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})");
  const Refusal refusal = bad(verb::delete_, "/v1/domains/example.test");
  EXPECT_EQ(refusal.error.code, ErrorCode::kConflict);
  EXPECT_THAT(refusal.error.context, HasSubstr("ann@example.test"));
  EXPECT_THAT(refusal.remedy, HasSubstr("everpost account list"));
}

TEST_F(AdminTest, AddsAnAccountWithItsMailboxes) {
  const auto account = good(
      verb::post, "/v1/accounts",
      R"({"address":"Ann@Example.Test","password":"secret","display_name":"Ann","quota_bytes":7})");
  EXPECT_EQ(account.at("address"), "ann@example.test");
  EXPECT_EQ(account.at("has_password"), true);
  ASSERT_TRUE(mailboxes("ann@example.test"));
  EXPECT_EQ(mailboxes("ann@example.test")->quota_bytes, 7u);
  EXPECT_TRUE(run_task(authenticator.check_password("ann@example.test", "secret")));
  EXPECT_EQ(store.actors.back(), "uid 0 via socket");
}

TEST_F(AdminTest, ShowsNothingOfAPassword) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test","password":"secret"})");
  const std::string shown = json::serialize(good(verb::get, "/v1/accounts/ann%40example.test"));
  EXPECT_THAT(shown, HasSubstr(R"("used_bytes":0)"));
  for (const char* word : {"argon2", "scram", "salt", "secret", "$"})
    EXPECT_THAT(shown, Not(HasSubstr(word)));
}

TEST_F(AdminTest, SpreadsAccountsOverTheShards) {
  for (const char* name : {"a", "b", "c", "d"})
    good(verb::post, "/v1/accounts", std::string(R"({"address":")") + name + "@example.test\"}");
  std::map<ShardId, int> count;
  for (const auto& [address, account] : store.account_records) ++count[account.shard];
  EXPECT_EQ(count[ShardId{1}], 2);
  EXPECT_EQ(count[ShardId{2}], 2);
}

TEST_F(AdminTest, RefusesAnAccountThatIsThere) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})");
  store.add_alias("info@example.test", {"ann@example.test"});
  const Refusal twice = bad(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})");
  EXPECT_EQ(twice.error.code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(twice.error.context, HasSubstr("ann@example.test"));
  EXPECT_EQ(code(verb::post, "/v1/accounts", R"({"address":"info@example.test"})"),
            ErrorCode::kAlreadyExists);
  const Refusal elsewhere = bad(verb::post, "/v1/accounts", R"({"address":"ann@example.org"})");
  EXPECT_EQ(elsewhere.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(elsewhere.remedy, HasSubstr("everpost domain add example.org"));
}

TEST_F(AdminTest, FinishesAnAccountThatACrashLeftHalfMade) {
  mail.broken = Error{ErrorCode::kUnavailable, "stopping"};
  const Refusal half =
      bad(verb::post, "/v1/accounts", R"({"address":"ann@example.test","password":"first"})");
  EXPECT_THAT(half.remedy, HasSubstr("again"));
  ASSERT_FALSE(mailboxes("ann@example.test"));
  mail.broken.reset();
  good(verb::post, "/v1/accounts",
       R"({"address":"ann@example.test","password":"second","quota_bytes":5})");
  ASSERT_TRUE(mailboxes("ann@example.test"));
  EXPECT_EQ(mailboxes("ann@example.test")->quota_bytes, 5u);
  EXPECT_TRUE(run_task(authenticator.check_password("ann@example.test", "second")));
}

TEST_F(AdminTest, RemovesAnAccountWithItsMail) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})");
  good(verb::delete_, "/v1/accounts/ann@example.test");
  EXPECT_TRUE(store.account_records.empty());
  EXPECT_TRUE(mail.accounts.empty());
  EXPECT_EQ(code(verb::delete_, "/v1/accounts/ann@example.test"), ErrorCode::kNotFound);
}

TEST_F(AdminTest, FinishesARemovalThatACrashLeftHalfDone) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})");
  mail.broken = Error{ErrorCode::kUnavailable, "stopping"};
  EXPECT_THAT(bad(verb::delete_, "/v1/accounts/ann@example.test").remedy, HasSubstr("again"));
  EXPECT_FALSE(record("ann@example.test").enabled) << "no mail comes while it goes";
  mail.broken.reset();
  mail.accounts.clear();  // the first attempt did delete the mail
  good(verb::delete_, "/v1/accounts/ann@example.test");
  EXPECT_TRUE(store.account_records.empty());
}

TEST_F(AdminTest, LetsOneRequestAtATimeAddChangeOrRemoveAnAccount) {
  const auto claim = AccountClaim::take(context, "ann@example.test");
  ASSERT_TRUE(claim);
  EXPECT_EQ(code(verb::post, "/v1/accounts", R"({"address":"ann@example.test"})"),
            ErrorCode::kBusy);
  EXPECT_EQ(code(verb::patch, "/v1/accounts/ann@example.test", R"({"quota_bytes":1000})"),
            ErrorCode::kBusy);
}

TEST_F(AdminTest, ChangesPasswordQuotaAndState) {
  good(verb::post, "/v1/accounts", R"({"address":"ann@example.test","password":"old"})");
  good(verb::put, "/v1/accounts/ann@example.test/password", R"({"password":"new"})");
  EXPECT_FALSE(run_task(authenticator.check_password("ann@example.test", "old")));
  EXPECT_TRUE(run_task(authenticator.check_password("ann@example.test", "new")));
  good(verb::patch, "/v1/accounts/ann@example.test", R"({"quota_bytes":1000})");
  EXPECT_EQ(record("ann@example.test").quota_bytes, 1000u);
  EXPECT_EQ(mailboxes("ann@example.test")->quota_bytes, 1000u);
  good(verb::patch, "/v1/accounts/ann@example.test", R"({"enabled":false})");
  EXPECT_FALSE(run_task(authenticator.check_password("ann@example.test", "new")));
  EXPECT_EQ(record("ann@example.test").quota_bytes, 1000u);
}

TEST_F(AdminTest, PagesThroughAccounts) {
  for (int i = 0; i < 5; ++i) store.add_account("user" + std::to_string(i) + "@example.test");
  auto page = good(verb::get, "/v1/accounts?limit=3");
  EXPECT_EQ(page["accounts"].as_array().size(), 3u);
  EXPECT_EQ(page["next"], "user2@example.test");
  page = good(verb::get, "/v1/accounts?limit=3&after=user2%40example.test");
  EXPECT_EQ(page["accounts"].as_array().size(), 2u);
  EXPECT_FALSE(page.contains("next"));
  EXPECT_EQ(good(verb::get, "/v1/accounts?domain=other.test")["accounts"].as_array().size(), 0u);
}

TEST_F(AdminTest, AddsListsAndRemovesAliases) {
  store.add_account("ann@example.test");
  const auto added =
      good(verb::post, "/v1/aliases",
           R"({"address":"Info@example.test","targets":["Ann@example.test","x@Example.org"]})");
  EXPECT_EQ(json::serialize(added.at("targets")), R"(["ann@example.test","x@example.org"])");
  EXPECT_EQ(added.at("warnings").as_array().size(), 1u) << "of what is not here";
  EXPECT_EQ(good(verb::get, "/v1/aliases")["aliases"].as_array().size(), 1u);
  good(verb::delete_, "/v1/aliases/info@example.test");
  EXPECT_EQ(code(verb::get, "/v1/aliases/info@example.test"), ErrorCode::kNotFound);
}

TEST_F(AdminTest, WarnsOfAnAliasThatLeadsNowhere) {
  const auto added = good(verb::post, "/v1/aliases",
                          R"({"address":"info@example.test","targets":["gone@example.test"]})");
  EXPECT_THAT(json::serialize(added.at("warnings")), HasSubstr("gone@example.test"));
}

TEST_F(AdminTest, KeepsSettings) {
  good(verb::put, "/v1/settings/queue.lifetime", R"({"value":"5d"})");
  EXPECT_EQ(good(verb::get, "/v1/settings")["settings"].as_object()["queue.lifetime"], "5d");
  good(verb::delete_, "/v1/settings/queue.lifetime");
  EXPECT_TRUE(good(verb::get, "/v1/settings")["settings"].as_object().empty());
  EXPECT_EQ(code(verb::put, "/v1/settings/A%20b", R"({"value":"x"})"), ErrorCode::kInvalidArgument);
}

TEST_F(AdminTest, TellsHowTheShardsAre) {
  cluster::ShardStatus shard;
  shard.shard = ShardId{1};
  shard.durable = Lsn{800};
  shard.digest = "abc";
  node.shards = {shard};
  auto status = good(verb::get, "/v1/status");
  EXPECT_EQ(status["status"], "ok");
  EXPECT_EQ(status["node"].as_object()["hostname"], "mail.example.test");
  EXPECT_EQ(status["shards"].as_array()[0].as_object()["durable_lsn"], 800u);
  EXPECT_EQ(status["shards"].as_array()[0].as_object()["digest"], "abc");
  node.shards[0].failed = true;
  EXPECT_EQ(good(verb::get, "/v1/status")["status"], "failed");
}

TEST_F(AdminTest, TellsHowTheClusterIs) {
  cluster::ShardStatus shard;
  shard.shard = ShardId{1};
  shard.standing.role = cluster::replication::Role::kPrimary;
  shard.standing.open = shard.standing.led = shard.standing.in_sync = true;
  shard.standing.config.emplace();
  shard.standing.config_version = 2;
  shard.standing.config->replicas = {NodeId{1}};
  shard.standing.config->isr = {{NodeId{1}, {}}};
  node.shards = {shard};
  auto answer = good(verb::get, "/v1/cluster");
  EXPECT_EQ(answer["status"], "ok") << json::serialize(answer);
  EXPECT_EQ(answer["shards"].as_array()[0].as_object()["primary"], 1u);
  node.shards[0].standing.open = false;
  EXPECT_EQ(good(verb::get, "/v1/cluster")["status"], "degraded");
  EXPECT_EQ(code(verb::post, "/v1/shards/1/switch", R"({"to":0})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(verb::post, "/v1/shards/x/switch"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(verb::post, "/v1/shards/7/switch"), ErrorCode::kNotFound);
  EXPECT_TRUE(good(verb::get, "/v1/shards/1/events?limit=5")["events"].as_array().empty());
}

TEST_F(AdminTest, TellsWhatAVerificationFound) {
  node.findings = {"shard 1: record at 4096: checksum"};
  EXPECT_EQ(json::serialize(good(verb::post, "/v1/verify")["findings"]),
            R"(["shard 1: record at 4096: checksum"])");
  context.verifying = true;
  EXPECT_EQ(code(verb::post, "/v1/verify"), ErrorCode::kBusy);
}

TEST_F(AdminTest, RefusesMalformedRequests) {
  struct Case {
    const char* name;
    verb method;
    std::string target, body;
    ErrorCode want;
  };
  const Case cases[] = {
      {"unknown path", verb::get, "/v1/nothing", "", ErrorCode::kNotFound},
      {"the root", verb::get, "/", "", ErrorCode::kNotFound},
      {"an empty name", verb::get, "/v1/domains/", "", ErrorCode::kNotFound},
      {"wrong verb", verb::put, "/v1/domains", "", ErrorCode::kUnsupported},
      {"not JSON", verb::post, "/v1/domains", "{", ErrorCode::kInvalidArgument},
      {"not an object", verb::post, "/v1/domains", "[]", ErrorCode::kInvalidArgument},
      {"JSON too deep", verb::post, "/v1/domains", std::string(1000, '['),
       ErrorCode::kInvalidArgument},
      {"a field missing", verb::post, "/v1/domains", "{}", ErrorCode::kInvalidArgument},
      {"a field of the wrong type", verb::post, "/v1/domains", R"({"name":1})",
       ErrorCode::kInvalidArgument},
      {"a field too many", verb::post, "/v1/domains", R"({"name":"a.test","x":1})",
       ErrorCode::kInvalidArgument},
      {"a bad domain", verb::post, "/v1/domains", R"({"name":"a b"})", ErrorCode::kInvalidArgument},
      {"an address literal as domain", verb::post, "/v1/domains", R"({"name":"[127.0.0.1]"})",
       ErrorCode::kInvalidArgument},
      {"a bad address", verb::post, "/v1/accounts", R"({"address":"ann"})",
       ErrorCode::kInvalidArgument},
      {"an empty password", verb::post, "/v1/accounts",
       R"({"address":"ann@example.test","password":""})", ErrorCode::kInvalidArgument},
      {"a negative quota", verb::post, "/v1/accounts",
       R"({"address":"ann@example.test","quota_bytes":-1})", ErrorCode::kInvalidArgument},
      {"targets that are no list", verb::post, "/v1/aliases",
       R"({"address":"a@example.test","targets":"b@example.test"})", ErrorCode::kInvalidArgument},
      {"a bad target", verb::post, "/v1/aliases", R"({"address":"a@example.test","targets":["b"]})",
       ErrorCode::kInvalidArgument},
      {"half a percent", verb::get, "/v1/accounts/ann%4", "", ErrorCode::kInvalidArgument},
      {"a limit of 0", verb::get, "/v1/accounts?limit=0", "", ErrorCode::kInvalidArgument},
      {"an unknown parameter", verb::get, "/v1/accounts?x=1", "", ErrorCode::kInvalidArgument},
      {"no password to set", verb::put, "/v1/accounts/ann@example.test/password", "{}",
       ErrorCode::kInvalidArgument},
      {"a password for nobody", verb::put, "/v1/accounts/nobody@example.test/password",
       R"({"password":"x"})", ErrorCode::kNotFound},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(code(c.method, c.target, c.body), c.want);
  }
  EXPECT_TRUE(store.account_records.empty());
}

TEST(Refusals, AreJsonWithCodeMessageAndRemedy) {
  const Answer answer = Error{ErrorCode::kBusy, "too many"};
  EXPECT_EQ(
      json::serialize(to_json(answer.error())),
      R"({"error":{"code":"busy","message":"too many","remedy":"try again in a few seconds"}})");
  EXPECT_EQ(http_status(ErrorCode::kBusy), 503u);
  EXPECT_EQ(http_status(ErrorCode::kNotFound), 404u);
}

}  // namespace
}  // namespace everpost::node::admin
