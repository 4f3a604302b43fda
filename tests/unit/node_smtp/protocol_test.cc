#include "node/smtp/protocol.h"

#include <gtest/gtest.h>

#include "tests/unit/node_smtp/dialogue.h"

namespace everpost::node::smtp {
namespace {

struct Exchange {
  const char* line;
  const char* want;  // how the reply begins
};

void expect_dialogue(Dialogue& dialogue, const std::vector<Exchange>& exchanges) {
  for (const Exchange& e : exchanges) {
    SCOPED_TRACE(e.line);
    const std::string reply = dialogue.say(e.line);
    EXPECT_EQ(reply.substr(0, std::string_view(e.want).size()), e.want) << reply;
  }
}

// Every command in every state: the code of its last reply.
TEST(Protocol, AnswersEveryCommandInEveryState) {
  struct Row {
    const char* line;
    std::vector<const char*> smtp;        // fresh greeted mail rcpt bdat
    std::vector<const char*> lmtp;        // the same
    std::vector<const char*> submission;  // fresh, tls greeted, auth greeted, auth mail, auth rcpt
  };
  const Row rows[] = {
      {"HELO c",
       {"250", "250", "250", "250", "250"},
       {"500", "500", "500", "500", "500"},
       {"250", "250", "250", "250", "250"}},
      {"EHLO c",
       {"250", "250", "250", "250", "250"},
       {"500", "500", "500", "500", "500"},
       {"250", "250", "250", "250", "250"}},
      {"LHLO c",
       {"500", "500", "500", "500", "500"},
       {"250", "250", "250", "250", "250"},
       {"500", "500", "500", "500", "500"}},
      {"MAIL FROM:<user1@example.org>",
       {"503", "250", "503", "503", "503"},
       {"503", "250", "503", "503", "503"},
       {"503", "530", "250", "503", "503"}},
      {"RCPT TO:<a@example.org>",
       {"503", "503", "250", "250", "503"},
       {"503", "503", "250", "250", "503"},
       {"503", "503", "503", "250", "250"}},
      {"DATA",
       {"503", "503", "554", "354", "503"},
       {"503", "503", "503", "354", "503"},
       {"503", "503", "503", "554", "354"}},
      {"BDAT 10",
       {"503", "503", "503", "250", "250"},
       {"503", "503", "503", "250", "250"},
       {"503", "503", "503", "503", "250"}},
      {"BDAT 10 LAST",
       {"503", "503", "503", "250", "250"},
       {"503", "503", "503", "250", "250"},
       {"503", "503", "503", "503", "250"}},
      {"RSET",
       {"250", "250", "250", "250", "250"},
       {"250", "250", "250", "250", "250"},
       {"250", "250", "250", "250", "250"}},
      {"NOOP anything",
       {"250", "250", "250", "250", "250"},
       {"250", "250", "250", "250", "250"},
       {"250", "250", "250", "250", "250"}},
      {"VRFY a",
       {"252", "252", "252", "252", "252"},
       {"252", "252", "252", "252", "252"},
       {"252", "252", "252", "252", "252"}},
      {"EXPN l",
       {"502", "502", "502", "502", "502"},
       {"502", "502", "502", "502", "502"},
       {"502", "502", "502", "502", "502"}},
      {"HELP",
       {"214", "214", "214", "214", "214"},
       {"214", "214", "214", "214", "214"},
       {"214", "214", "214", "214", "214"}},
      {"STARTTLS",
       {"220", "220", "220", "220", "503"},
       {"220", "220", "220", "220", "503"},
       {"220", "503", "503", "503", "503"}},
      {"AUTH PLAIN",
       {"502", "502", "502", "502", "502"},
       {"500", "500", "500", "500", "500"},
       {"503", "334", "503", "503", "503"}},
      {"QUIT",
       {"221", "221", "221", "221", "221"},
       {"221", "221", "221", "221", "221"},
       {"221", "221", "221", "221", "221"}},
      {"WHAT",
       {"500", "500", "500", "500", "500"},
       {"500", "500", "500", "500", "500"},
       {"500", "500", "500", "500", "500"}},
      {"",
       {"500", "500", "500", "500", "500"},
       {"500", "500", "500", "500", "500"},
       {"500", "500", "500", "500", "500"}},
  };
  const std::vector<const char*> states = {"fresh", "greeted", "mail", "rcpt", "bdat"};
  const std::vector<const char*> submission_states = {"fresh", "tls greeted", "auth greeted",
                                                      "auth mail", "auth rcpt"};
  const auto check = [](Flavour flavour, const char* state, const char* line, const char* want) {
    SCOPED_TRACE(std::string(to_string(flavour)) + ", " + state + ", " + line);
    Dialogue dialogue(flavour);
    dialogue.bring_to(state);
    dialogue.auth_answers.push_back(Authenticator::Exchange::Step{});
    const std::string reply = dialogue.say(line);
    EXPECT_EQ(reply.substr(0, 3), want) << reply;
  };
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      check(Flavour::kSmtp, states[i], row.line, row.smtp[i]);
      check(Flavour::kLmtp, states[i], row.line, row.lmtp[i]);
      check(Flavour::kSubmission, submission_states[i], row.line, row.submission[i]);
    }
  }
}

TEST(Protocol, GreetsWithItsNameAndProtocol) {
  EXPECT_EQ(Dialogue(Flavour::kSmtp).protocol.greeting(), "220 mx.example.org ESMTP Everpost\r\n");
  EXPECT_EQ(Dialogue(Flavour::kLmtp).protocol.greeting(), "220 mx.example.org LMTP Everpost\r\n");
}

TEST(Protocol, AnnouncesWhatItCanDo) {
  const std::string common =
      "250-mx.example.org greets c\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
      "250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n";
  EXPECT_EQ(Dialogue(Flavour::kSmtp).say("EHLO c"), common + "250-STARTTLS\r\n250 HELP\r\n");
  EXPECT_EQ(Dialogue(Flavour::kSmtp, true).say("EHLO c"), common + "250 HELP\r\n");
  EXPECT_EQ(Dialogue(Flavour::kLmtp).say("LHLO c"), common + "250-STARTTLS\r\n250 HELP\r\n");
  EXPECT_EQ(Dialogue(Flavour::kSubmission).say("EHLO c"), common + "250-STARTTLS\r\n250 HELP\r\n");
  EXPECT_EQ(Dialogue(Flavour::kSubmission, true).say("EHLO c"),
            common + "250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n250 HELP\r\n");
  Settings without_tls = test_settings(Flavour::kSubmission);
  without_tls.tls_available = false;
  Dialogue plain(without_tls);
  EXPECT_EQ(plain.say("EHLO c"), common + "250 HELP\r\n");
  EXPECT_EQ(plain.say("STARTTLS").substr(0, 3), "502");
}

TEST(Protocol, TakesAMessageForOneOfOurs) {
  Dialogue dialogue(Flavour::kSmtp);
  expect_dialogue(dialogue, {{"EHLO client.example", "250-"},
                             {"MAIL FROM:<x@y.example> SIZE=10 BODY=8BITMIME", "250 2.1.0 "},
                             {"RCPT TO:<a@example.org>", "250 2.1.5 "},
                             {"DATA", "354 "}});
  EXPECT_EQ(dialogue.message(), "250 2.0.0 Ok, stored as 1-00\r\n");
  EXPECT_FALSE(dialogue.protocol.in_transaction());
  expect_dialogue(dialogue, {{"MAIL FROM:<>", "250 2.1.0 "}, {"QUIT", "221 2.0.0 "}});
  EXPECT_FALSE(dialogue.open);
}

TEST(Protocol, LmtpAnswersForEachRecipient) {
  Dialogue dialogue(Flavour::kLmtp);
  dialogue.bring_to("rcpt");
  dialogue.say("RCPT TO:<b@example.org>");
  dialogue.say("RCPT TO:<a@example.org>");  // twice: two replies (RFC 2033 §4.2)
  dialogue.say("DATA");
  MessageResult result = dialogue.verdict();
  result.recipients[1] = Refusal{{452, "4.2.2", "Mailbox is full"}, "over_quota"};
  EXPECT_EQ(dialogue.protocol.on_message(result).reply,
            "250 2.0.0 Ok, stored as 1-00\r\n452 4.2.2 Mailbox is full\r\n"
            "250 2.0.0 Ok, stored as 1-00\r\n");

  dialogue.bring_to("rcpt");
  dialogue.say("RCPT TO:<b@example.org>");
  dialogue.say("DATA");
  dialogue.refusal = Refusal{{451, "4.3.0", "No"}, "storage"};
  EXPECT_EQ(dialogue.message(), "451 4.3.0 No\r\n451 4.3.0 No\r\n");
}

TEST(Protocol, SmtpAcceptsIfAnybodyHasTheMessage) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  dialogue.say("RCPT TO:<b@example.org>");
  MessageResult result = dialogue.verdict();
  result.recipients[0] = Refusal{{550, "5.1.1", "Gone"}, "unknown_user"};
  EXPECT_EQ(dialogue.protocol.on_message(result).reply.substr(0, 3), "250");

  dialogue.bring_to("rcpt");
  result = dialogue.verdict();
  result.recipients[0] = Refusal{{550, "5.1.1", "Gone"}, "unknown_user"};
  EXPECT_EQ(dialogue.protocol.on_message(result).reply, "550 5.1.1 Gone\r\n");
}

TEST(Protocol, ChecksMailsArguments) {
  const Exchange cases[] = {
      {"MAIL FROM:<a@b>", "250 2.1.0"},
      {"mail from:<a@b>", "250 2.1.0"},
      {"MAIL FROM: <a@b>", "250 2.1.0"},
      {"MAIL FROM:<a@b>  ", "250 2.1.0"},
      {"MAIL FROM:<>", "250 2.1.0"},
      {"MAIL", "501 5.5.4"},
      {"MAIL TO:<a@b>", "501 5.5.4"},
      {"MAIL FROM <a@b>", "501 5.5.4"},
      {"MAIL FROM:a@b", "501 5.1.7"},
      {"MAIL FROM:<a>", "501 5.1.7"},
      {"MAIL FROM:<a@b> SIZE=1000", "250 2.1.0"},
      {"MAIL FROM:<a@b> SIZE=1001", "552 5.3.4"},
      {"MAIL FROM:<a@b> SIZE=99999999999999999999", "552 5.3.4"},
      {"MAIL FROM:<a@b> SIZE=999999999999999999999", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=-1", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=1 SIZE=2", "501 5.5.4"},
      {"MAIL FROM:<a@b>SIZE=1", "501 5.5.4"},
      {"MAIL FROM:<a@b> BODY=7bit", "250 2.1.0"},
      {"MAIL FROM:<a@b> BODY=BINARYMIME", "501 5.5.4"},
      {"MAIL FROM:<a@b> RET=FULL ENVID=QQ314159", "250 2.1.0"},
      {"MAIL FROM:<a@b> RET=SOME", "501 5.5.4"},
      {"MAIL FROM:<a@b> ENVID=+zz", "501 5.5.4"},
      {"MAIL FROM:<a@b> WHAT=1", "555 5.5.4"},
      {"MAIL FROM:<a@b> AUTH=<>", "555 5.5.4"},  // not announced here
      {"MAIL FROM:<j\xC3\xB6rg@b>", "553 5.6.7"},
      {"MAIL FROM:<j\xC3\xB6rg@b> SMTPUTF8", "250 2.1.0"},
      {"MAIL FROM:<j\xC3@b> SMTPUTF8", "501 5.1.7"},
      {"MAIL FROM:<a@b> SMTPUTF8=1", "501 5.5.4"},
  };
  for (const Exchange& c : cases) {
    Dialogue dialogue(Flavour::kSmtp);
    dialogue.bring_to("greeted");
    expect_dialogue(dialogue, {c});
    EXPECT_EQ(dialogue.protocol.in_transaction(), c.want[0] == '2') << c.line;
  }
}

TEST(Protocol, ChecksRcptsArguments) {
  const Exchange cases[] = {
      {"RCPT TO:<a@example.org>", "250 2.1.5"},
      {"RCPT TO:<A@EXAMPLE.ORG>", "250 2.1.5"},
      {"rcpt to: <a@example.org>", "250 2.1.5"},
      {"RCPT TO:<@relay.example:a@example.org>", "250 2.1.5"},
      {"RCPT TO:<\"a\"@example.org>", "250 2.1.5"},
      {"RCPT TO:<list@example.org>", "250 2.1.5"},
      {"RCPT", "501 5.5.4"},
      {"RCPT FROM:<a@example.org>", "501 5.5.4"},
      {"RCPT TO:<>", "501 5.1.3"},
      {"RCPT TO:a@example.org", "501 5.1.3"},
      {"RCPT TO:<nobody@example.org>", "550 5.1.1"},
      {"RCPT TO:<off@example.org>", "550 5.2.1"},
      {"RCPT TO:<a@elsewhere.example>", "550 5.7.1"},
      {"RCPT TO:<a@[192.0.2.1]>", "550 5.7.1"},
      {"RCPT TO:<away@example.org>", "550 5.7.1"},
      {"RCPT TO:<full@example.org>", "452 4.2.2"},
      {"RCPT TO:<\xC3\xB6@example.org>", "553 5.6.7"},
      {"RCPT TO:<a@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y", "250 2.1.5"},
      {"RCPT TO:<a@example.org> NOTIFY=NEVER,DELAY", "501 5.5.4"},
      {"RCPT TO:<a@example.org> NOTIFY", "501 5.5.4"},
      {"RCPT TO:<a@example.org> ORCPT=x", "501 5.5.4"},
      {"RCPT TO:<a@example.org> SIZE=1", "555 5.5.4"},
  };
  for (const Exchange& c : cases) {
    Dialogue dialogue(Flavour::kSmtp);
    dialogue.directory["full@example.org"] = leads_to({3});
    dialogue.full = {"full@example.org"};
    dialogue.bring_to("mail");
    expect_dialogue(dialogue, {c});
    EXPECT_EQ(dialogue.protocol.transaction().recipients.size(), c.want[0] == '2' ? 1 : 0);
    // What concerns the recipient, not the command's form, is a refusal of mail.
    const std::string_view code = std::string_view(c.want).substr(0, 3);
    EXPECT_EQ(!dialogue.last.refused.empty(), code == "550" || code == "452") << c.line;
  }
}

TEST(Protocol, KeepsWhatWasAskedForAboutReports) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("greeted");
  dialogue.say("MAIL FROM:<x@y> RET=hdrs ENVID=a+2Bb");
  dialogue.say("RCPT TO:<a@example.org> NOTIFY=success,failure ORCPT=rfc822;x+2Bz@y");
  const Transaction& transaction = dialogue.protocol.transaction();
  EXPECT_EQ(transaction.ret, "HDRS");
  EXPECT_EQ(transaction.envid, "a+2Bb");
  EXPECT_EQ(transaction.recipients[0].notify, "SUCCESS,FAILURE");
  EXPECT_EQ(transaction.recipients[0].orcpt, "rfc822;x+2Bz@y");
}

TEST(Protocol, TellsTheTargetsOfAnAliasToTrustedClientsOnly) {
  for (const Flavour flavour : {Flavour::kSmtp, Flavour::kLmtp}) {
    Dialogue dialogue(flavour);
    dialogue.bring_to("mail");
    const std::string reply = dialogue.say("RCPT TO:<away@example.org>");
    EXPECT_EQ(reply.contains("x@elsewhere.example"), flavour == Flavour::kLmtp) << reply;
    EXPECT_TRUE(dialogue.last.detail.contains("x@elsewhere.example"));
  }
}

TEST(Protocol, PostmasterWithoutADomainIsThatOfTheHostOrOfTheDomainAboveIt) {
  Dialogue dialogue(Flavour::kSmtp);  // mx.example.org
  dialogue.bring_to("mail");
  expect_dialogue(dialogue, {{"RCPT TO:<postmaster>", "250 2.1.5"}});
  dialogue.directory["postmaster@mx.example.org"] = leads_to({2});
  expect_dialogue(dialogue, {{"RCPT TO:<Postmaster>", "250 2.1.5"}});
  EXPECT_EQ(dialogue.protocol.transaction().recipients[0].targets[0].account, AccountId{1});
  EXPECT_EQ(dialogue.protocol.transaction().recipients[1].targets[0].account, AccountId{2});
}

TEST(Protocol, AMissingPostmasterIsRefusedAndTold) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.directory["postmaster@example.org"] = leads_to({});
  dialogue.bring_to("mail");
  for (const char* line : {"RCPT TO:<postmaster@example.org>", "RCPT TO:<Postmaster>"}) {
    EXPECT_EQ(dialogue.say(line).substr(0, 9), "550 5.1.1");
    EXPECT_EQ(dialogue.last.refused, "no_postmaster");
  }
}

TEST(Protocol, MoreRecipientsThanAllowedAreForAnotherTransaction) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  dialogue.say("RCPT TO:<a@example.org>");
  dialogue.say("RCPT TO:<b@example.org>");
  for (int i = 0; i < 10'000; ++i)
    ASSERT_EQ(dialogue.say("RCPT TO:<b@example.org>").substr(0, 9), "452 4.5.3");
  EXPECT_TRUE(dialogue.open);
  expect_dialogue(dialogue, {{"DATA", "354 "}});
}

TEST(Protocol, EndlessSurplusRecipientsEndTheSession) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  int said = 0;
  while (dialogue.open && said < 40'000) {
    dialogue.say("RCPT TO:<b@example.org>");
    ++said;
  }
  EXPECT_FALSE(dialogue.open);
}

TEST(Protocol, AnAliasWithManyTargetsFitsAloneButNotBesideOthers) {
  Dialogue dialogue(Flavour::kSmtp);
  std::vector<std::uint64_t> many(10'000, 7);
  dialogue.directory["all@example.org"] = leads_to(many);
  dialogue.bring_to("rcpt");
  expect_dialogue(dialogue, {{"RCPT TO:<all@example.org>", "452 4.5.3"}, {"RSET", "250"}});
  dialogue.bring_to("mail");
  expect_dialogue(dialogue, {{"RCPT TO:<all@example.org>", "250 2.1.5"},
                             {"RCPT TO:<a@example.org>", "452 4.5.3"}});
}

TEST(Protocol, ADirectoryThatDoesNotAnswerIsATemporaryFailure) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("mail");
  dialogue.broken = true;
  expect_dialogue(dialogue, {{"RCPT TO:<a@example.org>", "451 4.3.0"}});
  dialogue.broken = false;
  expect_dialogue(dialogue, {{"RCPT TO:<a@example.org>", "250"}});
}

TEST(Protocol, WithoutMemoryDataIsATemporaryFailure) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  dialogue.memory = false;
  expect_dialogue(dialogue, {{"DATA", "452 4.3.1"}, {"DATA", "503 5.5.1"}});
}

TEST(Protocol, ForgetsEverythingWithStartTls) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  expect_dialogue(dialogue, {{"STARTTLS now", "501 5.5.4"},
                             {"STARTTLS", "220 2.0.0"},
                             {"MAIL FROM:<a@b>", "503 5.5.1"},
                             {"DATA", "503 5.5.1"},
                             {"STARTTLS", "503 5.5.1"}});
  EXPECT_TRUE(dialogue.protocol.session().helo.empty());
}

TEST(Protocol, HeloAndRsetDropTheTransaction) {
  for (const char* line : {"RSET", "EHLO again", "HELO again"}) {
    Dialogue dialogue(Flavour::kSmtp);
    dialogue.bring_to("bdat");
    expect_dialogue(dialogue, {{line, "250"}, {"DATA", "503"}, {"MAIL FROM:<a@b>", "250"}});
  }
}

TEST(Protocol, RefusesArgumentsWhereThereAreNone) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  expect_dialogue(dialogue, {{"RSET x", "501 5.5.4"},
                             {"DATA x", "501 5.5.4"},
                             {"QUIT x", "501 5.5.4"},
                             {"VRFY", "501 5.5.4"},
                             {"HELO", "501 5.5.4"},
                             {"EHLO a b", "501 5.5.4"},
                             {"HELP MAIL", "214 2.0.0 MAIL FROM:"},
                             {"HELP LHLO", "504 5.5.4"}});
}

TEST(Protocol, BdatTakesPiecesUntilTheLast) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  expect_dialogue(dialogue, {{"BDAT 100", "250 2.0.0 100 bytes"},
                             {"DATA", "503 5.5.1"},
                             {"RCPT TO:<b@example.org>", "503 5.5.1"},
                             {"NOOP", "250 2.0.0"},
                             {"BDAT 0", "250 2.0.0"},
                             {"bdat 7 last", "250 2.0.0 Ok, stored"},
                             {"BDAT 7 LAST", "503 5.5.1"}});
  ASSERT_EQ(dialogue.chunks.size(), 4u);
  EXPECT_EQ(dialogue.chunks[2].bytes, 7u);
  EXPECT_TRUE(dialogue.chunks[2].last);
  EXPECT_TRUE(dialogue.chunks[3].discard);  // the bytes are there all the same
}

TEST(Protocol, APieceThatIsRefusedEndsTheMessage) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("rcpt");
  dialogue.refusal = Refusal{{552, "5.3.4", "Too large"}, "size"};
  expect_dialogue(dialogue, {{"BDAT 100", "552 5.3.4"}, {"BDAT 100 LAST", "503 5.5.1"}});
  EXPECT_TRUE(dialogue.chunks[1].discard);
}

TEST(Protocol, ABdatWhoseLengthIsUnknownEndsTheSession) {
  for (const char* line : {"BDAT", "BDAT x", "BDAT -1", "BDAT 99999999999999999999999",
                           "BDAT 1 FIRST", "BDAT 1 LAST LAST", "BDAT  1"}) {
    Dialogue dialogue(Flavour::kSmtp);
    dialogue.bring_to("rcpt");
    expect_dialogue(dialogue, {{line, "501 5.5.4"}});
    EXPECT_FALSE(dialogue.open) << line;
  }
}

TEST(Protocol, AHugePieceThatNobodyWantsIsNotWaitedFor) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("greeted");
  expect_dialogue(dialogue, {{"BDAT 1000000000000", "503 5.5.1"}});
  EXPECT_FALSE(dialogue.open);
}

TEST(Protocol, LinesHaveTheirLimits) {
  Dialogue dialogue(Flavour::kSmtp);
  dialogue.bring_to("greeted");
  EXPECT_EQ(dialogue.say("NOOP " + std::string(505, 'x')).substr(0, 3), "250");
  EXPECT_EQ(dialogue.say("NOOP " + std::string(506, 'x')).substr(0, 9), "500 5.5.2");
  EXPECT_EQ(dialogue.say("MAIL FROM:<a@b> ENVID=" + std::string(1900, 'x')).substr(0, 3), "501");
  EXPECT_EQ(dialogue.say("MAIL FROM:<a@b> ENVID=" + std::string(2100, 'x')).substr(0, 3), "500");
}

TEST(Protocol, TooManyErrorsEndTheSession) {
  Dialogue dialogue(Flavour::kSmtp);
  for (unsigned i = 0; i < kErrorsMax; ++i) dialogue.say("WHAT");
  EXPECT_TRUE(dialogue.open);
  const std::string last = dialogue.say("WHAT");
  EXPECT_FALSE(dialogue.open);
  EXPECT_TRUE(last.starts_with("500 5.5.2 "));
  EXPECT_TRUE(last.contains("\r\n421 4.7.0 mx.example.org Too many errors\r\n")) << last;
}

TEST(Protocol, LinesThatAreNoneCountAsErrors) {
  Dialogue dialogue(Flavour::kSmtp);
  Step step;
  for (unsigned i = 0; i <= kErrorsMax; ++i) {
    step = dialogue.protocol.on_fault(CommandLines::Kind::kBareNewline);
    EXPECT_TRUE(step.reply.starts_with("500 5.5.2 "));
  }
  EXPECT_TRUE(std::holds_alternative<HangUp>(step.action));
}

TEST(Protocol, GuessingAddressesEndsTheSessionOfAStranger) {
  for (const Flavour flavour : {Flavour::kSmtp, Flavour::kLmtp}) {
    Dialogue dialogue(flavour);
    dialogue.bring_to("mail");
    for (unsigned i = 0; i <= kRefusedRecipientsMax; ++i)
      dialogue.say("RCPT TO:<nobody@example.org>");
    EXPECT_EQ(dialogue.open, flavour == Flavour::kLmtp);
  }
}

TEST(Protocol, IdleCommandsEndTheSessionUnlessMailMoves) {
  Dialogue idle(Flavour::kSmtp);
  for (unsigned i = 0; i <= kIdleCommandsMax; ++i) idle.say("NOOP");
  EXPECT_FALSE(idle.open);

  Dialogue busy(Flavour::kSmtp);
  busy.bring_to("greeted");
  for (unsigned i = 0; i < 2 * kIdleCommandsMax; ++i) {
    busy.say("MAIL FROM:<a@b>");
    busy.say("RCPT TO:<a@example.org>");
    busy.say("DATA");
    busy.message();
  }
  EXPECT_TRUE(busy.open);
}

TEST(Protocol, RepliesStayWithinALine) {
  Dialogue dialogue(Flavour::kLmtp);
  for (int i = 0; i < 100; ++i)
    dialogue.directory["away@example.org"].elsewhere.push_back("\xC3\xB6" + std::to_string(i) +
                                                               "@elsewhere.example");
  dialogue.bring_to("mail");
  const std::string reply = dialogue.say("RCPT TO:<away@example.org>");
  EXPECT_LE(reply.size(), kReplyLineBytes);
  EXPECT_TRUE(reply.ends_with("\r\n"));
}

}  // namespace
}  // namespace everpost::node::smtp
