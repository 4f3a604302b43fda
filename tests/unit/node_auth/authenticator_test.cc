#include "node/auth/authenticator.h"

#include <gmock/gmock.h>
#include <gsasl.h>

#include "node/auth/recent_successes.h"
#include "tests/unit/node_directory/memory_directory.h"
#include "tests/unit/node_directory/run_task.h"

namespace everpost::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr HashCost kCheap{1, 8192, 64};
constexpr char kAlice[] = "alice@example.test";

std::string plain(const std::string& authzid, const std::string& login,
                  const std::string& password) {
  return authzid + '\0' + login + '\0' + password;
}

// GNU SASL's own client, to prove ours.
class ScramClient {
 public:
  ScramClient(const std::string& login, const std::string& password) {
    gsasl_init(&gsasl_);
    gsasl_client_start(gsasl_, "SCRAM-SHA-256", &session_);
    gsasl_property_set(session_, GSASL_AUTHID, login.c_str());
    gsasl_property_set(session_, GSASL_PASSWORD, password.c_str());
  }
  ~ScramClient() {
    gsasl_finish(session_);
    gsasl_done(gsasl_);
  }
  std::string step(const std::string& input) {
    char* raw = nullptr;
    std::size_t bytes = 0;
    status = gsasl_step(session_, input.data(), input.size(), &raw, &bytes);
    std::string output = raw ? std::string(raw, bytes) : "";
    gsasl_free(raw);
    return output;
  }
  int status = GSASL_OK;

 private:
  Gsasl* gsasl_ = nullptr;
  Gsasl_session* session_ = nullptr;
};

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    store.add_domain("example.test");
    store.add_account(kAlice).credentials = hash_password("secret", kCheap).value();
    store.add_account("off@example.test").credentials = hash_password("secret", kCheap).value();
    store.account_records["off@example.test"].enabled = false;
    store.add_account("nopassword@example.test");
  }

  using Step = Authenticator::Exchange::Step;
  Result<Login> check(const std::string& login, const std::string& password) {
    return run_task(authenticator.check_password(login, password, {"192.0.2.1", "imap"}));
  }
  std::unique_ptr<Authenticator::Exchange> start(std::string_view mechanism) {
    return std::move(authenticator.start(mechanism, {"192.0.2.1", "imap"})).value();
  }
  static Result<Step> step(Authenticator::Exchange& exchange, std::string data) {
    return run_task(exchange.step(std::move(data)));
  }
  static ErrorCode code(const auto& result) {
    return result ? ErrorCode::kInternal : result.error().code;
  }

  MemoryDirectory store;
  Directory directory{store};
  Authenticator authenticator{directory, 1, kCheap};
};

TEST_F(AuthenticatorTest, LetsTheRightPasswordIn) {
  EXPECT_EQ(check("Alice@EXAMPLE.test", "secret").value()->address, kAlice);
}

TEST_F(AuthenticatorTest, RefusesEverythingElseInOneWay) {
  struct Case {
    const char* name;
    std::string login, password;
  };
  const Case cases[] = {
      {"wrong password", kAlice, "Secret"},
      {"unknown login", "bob@example.test", "secret"},
      {"a login that is no address", "alice", "secret"},
      {"an account that is off", "off@example.test", "secret"},
      {"an account without a password", "nopassword@example.test", ""},
      {"an empty password", kAlice, ""},
      {"a password with a NUL behind the right one", kAlice, std::string("secret\0x", 8)},
      {"a password that is not UTF-8", kAlice, "secret\xff"},
  };
  std::set<std::string> answers;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    // A fresh one each time, so that no failure slows down the next.
    Authenticator fresh(directory, 1, kCheap);
    const auto login = run_task(fresh.check_password(c.login, c.password));
    ASSERT_FALSE(login);
    EXPECT_EQ(login.error().code, ErrorCode::kPermissionDenied);
    answers.insert(login.error().context);
  }
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(AuthenticatorTest, SaysWhenTheDirectoryDoesNotAnswer) {
  store.broken = Error{ErrorCode::kTimeout, "slow"};
  EXPECT_EQ(code(check(kAlice, "secret")), ErrorCode::kUnavailable);
}

TEST_F(AuthenticatorTest, ForgetsARecentSuccessWhenThePasswordChanges) {
  ASSERT_TRUE(check(kAlice, "secret"));
  ASSERT_TRUE(check(kAlice, "secret"));
  store.account_records[kAlice].credentials = hash_password("new", kCheap).value();
  ++store.changes;
  EXPECT_EQ(code(check(kAlice, "secret")), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(check(kAlice, "new"));
}

TEST_F(AuthenticatorTest, ForgetsARecentSuccessWhenTheAccountIsSwitchedOff) {
  ASSERT_TRUE(check(kAlice, "secret"));
  store.account_records[kAlice].enabled = false;
  ++store.changes;
  EXPECT_EQ(code(check(kAlice, "secret")), ErrorCode::kPermissionDenied);
}

TEST_F(AuthenticatorTest, HashesOnItsPool) {
  const auto credentials = run_task(authenticator.hash("new"));
  ASSERT_TRUE(credentials);
  store.account_records[kAlice].credentials = *credentials;
  ++store.changes;
  EXPECT_TRUE(check(kAlice, "new"));
  EXPECT_EQ(code(run_task(authenticator.hash(""))), ErrorCode::kInvalidArgument);
}

TEST_F(AuthenticatorTest, OffersPlainMechanismsOnlyWhereTheyAreAllowed) {
  EXPECT_THAT(Authenticator::mechanisms(true), ElementsAre("SCRAM-SHA-256", "PLAIN", "LOGIN"));
  EXPECT_THAT(Authenticator::mechanisms(false), ElementsAre("SCRAM-SHA-256"));
  EXPECT_EQ(code(authenticator.start("CRAM-MD5")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(authenticator.start("ANONYMOUS")), ErrorCode::kUnsupported);
}

TEST_F(AuthenticatorTest, TakesPlain) {
  const auto exchange = start("plain");
  EXPECT_TRUE(exchange->client_first());
  EXPECT_EQ(step(*exchange, plain("", kAlice, "secret"))->login->address, kAlice);
}

TEST_F(AuthenticatorTest, TakesPlainWithoutInitialResponse) {
  const auto exchange = start("PLAIN");
  const auto asked = step(*exchange, "");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->challenge, "");
  EXPECT_FALSE(asked->login);
  EXPECT_TRUE(step(*exchange, plain("", kAlice, "secret"))->login);
}

TEST_F(AuthenticatorTest, LetsNobodyActForSomebodyElse) {
  EXPECT_TRUE(step(*start("PLAIN"), plain("ALICE@example.test", kAlice, "secret"))->login);
  EXPECT_EQ(code(step(*start("PLAIN"), plain("bob@example.test", kAlice, "secret"))),
            ErrorCode::kPermissionDenied);
}

TEST_F(AuthenticatorTest, RefusesMalformedPlain) {
  for (const std::string& data :
       {std::string("nonsense"), std::string(3, '\0'), plain("", kAlice, std::string("se\0x", 4)),
        plain("", kAlice, ""), std::string(10'000, 'x')}) {
    const auto result = step(*start("PLAIN"), data);
    ASSERT_FALSE(result);
    EXPECT_THAT((std::array{ErrorCode::kInvalidArgument, ErrorCode::kPermissionDenied}),
                testing::Contains(result.error().code));
  }
}

TEST_F(AuthenticatorTest, EndsAnExchangeWithItsFirstError) {
  const auto exchange = start("PLAIN");
  EXPECT_EQ(code(step(*exchange, plain("", kAlice, "wrong"))), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(step(*exchange, plain("", kAlice, "secret"))), ErrorCode::kInvalidArgument);
}

TEST_F(AuthenticatorTest, TakesLogin) {
  const auto exchange = start("LOGIN");
  EXPECT_FALSE(exchange->client_first());
  EXPECT_EQ(step(*exchange, "")->challenge, "User Name");
  EXPECT_EQ(step(*exchange, kAlice)->challenge, "Password");
  EXPECT_EQ(step(*exchange, "secret")->login->address, kAlice);
}

TEST_F(AuthenticatorTest, TakesLoginWithTheNameInTheCommand) {
  const auto exchange = start("LOGIN");
  EXPECT_EQ(step(*exchange, kAlice)->challenge, "Password");
  EXPECT_TRUE(step(*exchange, "secret")->login);
}

TEST_F(AuthenticatorTest, TakesScram) {
  ScramClient client(kAlice, "secret");
  const auto exchange = start("SCRAM-SHA-256");
  const auto first = step(*exchange, client.step(""));
  ASSERT_TRUE(first) << to_string(first.error());
  const auto last = step(*exchange, client.step(first->challenge));
  ASSERT_TRUE(last) << to_string(last.error());
  EXPECT_EQ(last->login->address, kAlice);
  client.step(last->challenge);
  EXPECT_EQ(client.status, GSASL_OK) << "the server proved itself to the client";
}

TEST_F(AuthenticatorTest, RefusesScramAtItsEndOnly) {
  struct Case {
    const char* name;
    std::string login, password;
  };
  const Case cases[] = {
      {"wrong password", kAlice, "wrong"},
      {"unknown login", "bob@example.test", "secret"},
      {"an account that is off", "off@example.test", "secret"},
      {"an account without keys", "nopassword@example.test", "secret"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Authenticator fresh(directory, 1, kCheap);
    ScramClient client(c.login, c.password);
    const auto exchange = std::move(fresh.start("SCRAM-SHA-256")).value();
    const auto first = step(*exchange, client.step(""));
    ASSERT_TRUE(first) << to_string(first.error());
    EXPECT_THAT(first->challenge, HasSubstr(",i=64"));
    EXPECT_EQ(code(step(*exchange, client.step(first->challenge))), ErrorCode::kPermissionDenied);
  }
}

TEST_F(AuthenticatorTest, ShowsAnUnknownLoginTheSameSaltEachTime) {
  const auto salt = [&](const std::string& login) {
    ScramClient client(login, "x");
    const std::string challenge = step(*start("SCRAM-SHA-256"), client.step(""))->challenge;
    const std::size_t at = challenge.find(",s=") + 3;
    return challenge.substr(at, challenge.find(',', at) - at);
  };
  EXPECT_EQ(salt("bob@example.test"), salt("bob@example.test"));
  EXPECT_NE(salt("bob@example.test"), salt("carol@example.test"));
  EXPECT_EQ(salt("bob@example.test").size(), salt(kAlice).size());
}

TEST_F(AuthenticatorTest, RefusesMalformedScram) {
  for (const std::string& data :
       {std::string("x"), std::string("n,,n=,r="), std::string("n,,m=x,n=a,r=abc"),
        std::string("p=tls-unique,,n=a,r=abcdefgh"), std::string(10'000, 'x')}) {
    SCOPED_TRACE(data.substr(0, 40));
    EXPECT_EQ(code(step(*start("SCRAM-SHA-256"), data)), ErrorCode::kInvalidArgument);
  }
}

TEST(RecentSuccesses, AreGoodForTenMinutesAndOnePassword) {
  RecentSuccesses successes;
  const RecentSuccesses::Time start{std::chrono::hours{1}};
  const Fingerprint right{1}, wrong{2};
  successes.add(AccountId{1}, "hash", right, start);
  EXPECT_TRUE(successes.knows(AccountId{1}, "hash", right, start + std::chrono::minutes{10}));
  EXPECT_FALSE(successes.knows(AccountId{1}, "hash", right, start + std::chrono::minutes{11}));
  EXPECT_FALSE(successes.knows(AccountId{1}, "hash", wrong, start));
  EXPECT_FALSE(successes.knows(AccountId{1}, "other hash", right, start));
  EXPECT_FALSE(successes.knows(AccountId{2}, "hash", right, start));
}

}  // namespace
}  // namespace everpost::node
