// AUTH, and what submission asks of senders.
#include <gtest/gtest.h>

#include "tests/unit/node_smtp/dialogue.h"

namespace everpost::node::smtp {
namespace {

using Stepped = Authenticator::Exchange::Step;
constexpr ErrorCode kDenied = ErrorCode::kPermissionDenied;

Dialogue greeted() {
  Dialogue dialogue(Flavour::kSubmission, true);
  dialogue.bring_to("greeted");
  return dialogue;
}

TEST(Auth, WithAnInitialResponse) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{"", login_of(1)}};
  EXPECT_EQ(dialogue.say("AUTH PLAIN AGEAYg=="), "235 2.7.0 Authentication succeeded\r\n");
  EXPECT_EQ(dialogue.asked, (std::vector<std::string>{"PLAIN " + std::string("\0a\0b", 4)}));
  EXPECT_EQ(dialogue.say("AUTH PLAIN AGEAYg==").substr(0, 9), "503 5.5.1");
}

TEST(Auth, WithoutOneTheClientIsAskedForIt) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{}, Stepped{"", login_of(1)}};
  EXPECT_EQ(dialogue.say("auth plain"), "334 \r\n");
  EXPECT_EQ(dialogue.say("AGEAYg=="), "235 2.7.0 Authentication succeeded\r\n");
  EXPECT_EQ(dialogue.asked, (std::vector<std::string>{"PLAIN (none)", std::string("\0a\0b", 4)}));
}

TEST(Auth, AnEqualsSignIsAnEmptyInitialResponse) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Error{kDenied, ""}};
  dialogue.say("AUTH PLAIN =");
  EXPECT_EQ(dialogue.asked, (std::vector<std::string>{"PLAIN "}));
}

TEST(Auth, LoginAsksTwice) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{"Username:", nullptr}, Stepped{"Password:", nullptr},
                           Stepped{"", login_of(1)}};
  EXPECT_EQ(dialogue.say("AUTH LOGIN"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(dialogue.say("YQ=="), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(dialogue.say("Yg=="), "235 2.7.0 Authentication succeeded\r\n");
}

TEST(Auth, ScramsLastWordIsAChallengeThatTheClientConfirms) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{"r=1", nullptr}, Stepped{"v=2", login_of(1)}};
  EXPECT_EQ(dialogue.say("AUTH SCRAM-SHA-256 biws"), "334 cj0x\r\n");
  EXPECT_EQ(dialogue.say("Yz0="), "334 dj0y\r\n");
  EXPECT_FALSE(dialogue.protocol.session().login);
  EXPECT_EQ(dialogue.say(""), "235 2.7.0 Authentication succeeded\r\n");
  EXPECT_TRUE(dialogue.protocol.session().login);
}

TEST(Auth, AnythingButAnEmptyLineThereIsNoConfirmation) {
  for (const char* line : {"*", "YQ==", "MAIL FROM:<user1@example.org>"}) {
    Dialogue dialogue = greeted();
    dialogue.auth_answers = {Stepped{"v=2", login_of(1)}};
    dialogue.say("AUTH SCRAM-SHA-256 biws");
    EXPECT_EQ(dialogue.say(line).substr(0, 9), "501 5.7.0");
    EXPECT_FALSE(dialogue.protocol.session().login);
    EXPECT_EQ(dialogue.say("MAIL FROM:<user1@example.org>").substr(0, 9), "530 5.7.0");
  }
}

TEST(Auth, AStarCancels) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{}};
  dialogue.say("AUTH PLAIN");
  EXPECT_EQ(dialogue.say("*"), "501 5.7.0 Authentication cancelled\r\n");
  EXPECT_EQ(dialogue.say("NOOP").substr(0, 3), "250");
}

TEST(Auth, IsRefused) {
  struct Case {
    const char* line;
    const char* want;
  };
  const Case cases[] = {
      {"AUTH", "501 5.5.4"},
      {"AUTH DIGEST-MD5", "504 5.5.4"},
      {"AUTH PLAIN ???", "501 5.5.2"},
      {"AUTH PLAIN AGEAYg", "501 5.5.2"},
  };
  for (const Case& c : cases) {
    Dialogue dialogue = greeted();
    EXPECT_EQ(dialogue.say(c.line).substr(0, 9), c.want) << c.line;
  }
}

TEST(Auth, FailsAsTheErrorSays) {
  struct Case {
    ErrorCode code;
    const char* want;
    const char* reason;
  };
  const Case cases[] = {
      {kDenied, "535 5.7.8", "login_failed"},
      {ErrorCode::kInvalidArgument, "501 5.5.2", "login_malformed"},
      {ErrorCode::kBusy, "454 4.7.0", "login_unavailable"},
      {ErrorCode::kUnavailable, "454 4.7.0", "login_unavailable"},
  };
  for (const Case& c : cases) {
    Dialogue dialogue = greeted();
    dialogue.auth_answers = {Error{c.code, "test"}};
    EXPECT_EQ(dialogue.say("AUTH PLAIN AGEAYg==").substr(0, 9), c.want);
    EXPECT_EQ(dialogue.last.refused, c.reason);
    EXPECT_EQ(dialogue.say("NOOP").substr(0, 3), "250");
  }
}

TEST(Auth, NeverWithoutTls) {
  Dialogue dialogue(Flavour::kSubmission);
  dialogue.bring_to("greeted");
  EXPECT_EQ(dialogue.say("AUTH PLAIN AGEAYg==").substr(0, 10), "538 5.7.11");
  EXPECT_TRUE(dialogue.asked.empty());
  EXPECT_TRUE(dialogue.say("MAIL FROM:<user1@example.org>").contains("STARTTLS"));
}

TEST(Auth, ThreeFailuresEndTheSession) {
  Dialogue dialogue = greeted();
  for (unsigned i = 1; i <= kLoginFailuresMax; ++i) {
    EXPECT_TRUE(dialogue.open);
    dialogue.auth_answers = {Error{kDenied, ""}};
    EXPECT_TRUE(dialogue.say("AUTH PLAIN AGEAYg==").starts_with("535 5.7.8 "));
  }
  EXPECT_FALSE(dialogue.open);
}

TEST(Auth, ABrokenLineEndsTheExchange) {
  Dialogue dialogue = greeted();
  dialogue.auth_answers = {Stepped{}};
  dialogue.say("AUTH PLAIN");
  dialogue.protocol.on_fault(CommandLines::Kind::kBareNewline);
  EXPECT_EQ(dialogue.say("NOOP").substr(0, 3), "250");
}

TEST(Submission, TakesMailFromOnesOwnAddressesOnly) {
  struct Case {
    const char* line;
    const char* want;
  };
  const Case cases[] = {
      {"MAIL FROM:<user1@example.org>", "250 2.1.0"},
      {"MAIL FROM:<USER1@Example.ORG>", "250 2.1.0"},
      {"MAIL FROM:<a@example.org>", "250 2.1.0"},     // an alias
      {"MAIL FROM:<list@example.org>", "250 2.1.0"},  // of several
      {"MAIL FROM:<>", "250 2.1.0"},                  // receipts
      {"MAIL FROM:<user1@example.org> AUTH=<>", "250 2.1.0"},
      {"MAIL FROM:<user1@example.org> AUTH=a+2Bb@c", "250 2.1.0"},
      {"MAIL FROM:<user1@example.org> AUTH=a+b@c", "501 5.5.4"},
      {"MAIL FROM:<b@example.org>", "553 5.7.1"},
      {"MAIL FROM:<nobody@example.org>", "553 5.7.1"},
      {"MAIL FROM:<user1@elsewhere.example>", "553 5.7.1"},
  };
  for (const Case& c : cases) {
    Dialogue dialogue(Flavour::kSubmission);
    dialogue.bring_to("auth greeted");
    EXPECT_EQ(dialogue.say(c.line).substr(0, 9), c.want) << c.line;
  }
}

TEST(Submission, SaysThatItDoesNotRelayYet) {
  Dialogue dialogue(Flavour::kSubmission);
  dialogue.bring_to("auth mail");
  const std::string reply = dialogue.say("RCPT TO:<x@elsewhere.example>");
  EXPECT_EQ(reply.substr(0, 9), "550 5.7.1");
  EXPECT_TRUE(reply.contains("not supported by this release"));
}

TEST(Submission, ADirectoryThatDoesNotAnswerIsATemporaryFailure) {
  Dialogue dialogue(Flavour::kSubmission);
  dialogue.bring_to("auth greeted");
  dialogue.broken = true;
  EXPECT_EQ(dialogue.say("MAIL FROM:<user1@example.org>").substr(0, 9), "451 4.3.0");
  EXPECT_FALSE(dialogue.protocol.in_transaction());
}

}  // namespace
}  // namespace everpost::node::smtp
