// Whole conversations over a real connection: what is said, and what reaches the store, byte for
// byte.
#include "node/smtp/serve.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "base/crc32c.h"
#include "node/mime/summary.h"
#include "node/smtp/limits.h"
#include "node/smtp/syntax/base64.h"
#include "tests/unit/node_smtp/server.h"

namespace everpost::node::smtp {
namespace {

constexpr const char* kTrace =
    "Return-Path: <x@y.example>\r\n"
    "Received: from client.example ([127.0.0.1])\r\n"
    "\tby mx.example.org (Everpost) with ESMTP id 495972-1-0000000000000001\r\n"
    "\tfor <a@example.org>; Tue, 24 Nov 2026 05:10:11 +0000\r\n";
constexpr const char* kMessage = "Subject: hello\r\n\r\nHello.\r\n.dot\r\n";
constexpr const char* kStuffed = "Subject: hello\r\n\r\nHello.\r\n..dot\r\n.\r\n";

std::string after_received(const std::string& message) {
  const std::size_t at = message.find("+0000\r\n");
  return at == std::string::npos ? message : message.substr(at + 7);
}

Guid sha256_prefix(std::string_view bytes) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
  Guid guid;
  std::memcpy(guid.data(), hash, guid.size());
  return guid;
}

// A message of about `bytes` bytes, with lines that start with dots.
std::string large_message(std::size_t bytes) {
  std::string text = "Subject: large\r\n\r\n";
  for (std::size_t i = 0; text.size() < bytes; ++i)
    text += (i % 7 == 0 ? "." : "") + std::string("line ") + std::to_string(i) + " of many\r\n";
  return text;
}

std::string stuffed(const std::string& message) {
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = message.find("\r\n", at) + 2;
    if (message[at] == '.') text += '.';
    text.append(message, at, end - at);
    at = end;
  }
  return text + ".\r\n";
}

TEST(Serve, StoresAMessageByteForByte) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_EQ(client.reply(), "250 2.0.0 Ok, stored as 1-0000000000000008\r\n");
    client.expect("QUIT", "221 2.0.0");
    EXPECT_EQ(client.reply(), "");
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  const auto& got = server.mail.submitted[0];
  EXPECT_EQ(got.message, std::string(kTrace) + kMessage);
  EXPECT_EQ(got.shard, ShardId{1});
  EXPECT_EQ(to_string(got.txn.op), "495972-1-0000000000000001");
  EXPECT_EQ(got.txn.actor, AccountId{0});
  ASSERT_EQ(got.txn.commands.size(), 1u);
  const auto& add = std::get<storage::AddMessage>(got.txn.commands[0]);
  ASSERT_EQ(add.targets.size(), 1u);
  EXPECT_EQ(add.targets[0].account, server.accounts["a"]);
  EXPECT_EQ(add.targets[0].mailbox, MailboxId{0});
  EXPECT_FALSE(add.enforce_quota);
  EXPECT_FALSE(add.content.upload);
  EXPECT_EQ(add.content.size, got.message.size());
  EXPECT_EQ(add.content.own_bytes, got.message.size());
  EXPECT_EQ(add.content.own_crc, crc32c(as_bytes(got.message)));
  EXPECT_EQ(add.content.summary_crc, crc32c(as_bytes(got.summary)));
  EXPECT_EQ(add.content.guid, sha256_prefix(got.message));
  const auto summary = mime::decode(as_bytes(got.summary));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->envelope.subject, "hello");
}

TEST(Serve, PipelinedCommandsAreAnsweredInOneWrite) {
  Server server(Flavour::kSmtp);
  Client client(server);
  client.expect("EHLO client.example", "250");
  client.send(
      "MAIL FROM:<x@y.example>\r\nRCPT TO:<a@example.org>\r\nRCPT "
      "TO:<nobody@example.org>\r\nDATA\r\n");
  const std::string replies = client.read_some();
  EXPECT_EQ(std::ranges::count(replies, '\n'), 4) << replies;
  EXPECT_TRUE(replies.contains("\r\n550 5.1.1 "));
  EXPECT_TRUE(replies.contains("\r\n354 "));
  // The end of the message, and what comes behind it, in one packet.
  client.send(std::string(kStuffed) + "RSET\r\nQUIT\r\n");
  const std::string rest = client.read_some();
  EXPECT_TRUE(rest.starts_with("250 2.0.0 Ok, stored as "));
  EXPECT_TRUE(rest.ends_with("\r\n221 2.0.0 mx.example.org Bye\r\n")) << rest;
}

TEST(Serve, SeveralMessagesInOneConversation) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    for (int i = 0; i < 5; ++i) {
      client.begin();
      client.expect("DATA", "354 ");
      client.send(kStuffed);
      EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
    }
  }
  EXPECT_EQ(server.mail.submitted.size(), 5u);
  for (const auto& got : server.mail.submitted) EXPECT_EQ(after_received(got.message), kMessage);
}

TEST(Serve, LargeMessagesAreStagedWhileTheyArrive) {
  for (const std::size_t bytes :
       {std::size_t{300'000}, std::size_t{1} << 20, std::size_t{3} << 20}) {
    SCOPED_TRACE(bytes);
    Server server(Flavour::kSmtp);
    server.mail.stage_delay = std::chrono::milliseconds{1};
    const std::string message = large_message(bytes);
    {
      Client client(server);
      client.begin();
      client.expect("DATA", "354 ");
      client.send(stuffed(message));
      EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
    }
    ASSERT_EQ(server.mail.submitted.size(), 1u);
    const auto& got = server.mail.submitted[0];
    EXPECT_TRUE(got.message == kTrace + message);
    const auto& content = std::get<storage::AddMessage>(got.txn.commands[0]).content;
    EXPECT_EQ(content.size, got.message.size());
    EXPECT_EQ(content.guid, sha256_prefix(got.message));
    EXPECT_EQ(content.chunks, got.message.size() / cluster::MailStore::kChunkBytes);
    EXPECT_LE(got.body.size(), cluster::MailStore::kChunkBytes);
    EXPECT_LE(server.mail.staging_most, kChunksInFlight);
    const auto summary = mime::decode(as_bytes(got.summary));
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->envelope.subject, "large");
    EXPECT_EQ(summary->root.header_bytes + summary->root.body_bytes, got.message.size());
    EXPECT_EQ(server.memory->used(), 0u);
    EXPECT_TRUE(server.mail.aborted.empty());
  }
}

TEST(Serve, AMessageThatJustFillsAChunkLeavesRoomForItsSummary) {
  for (int over = -1200; over <= 300; over += 50) {
    Server server(Flavour::kSmtp);
    std::string message = "Subject: x\r\n\r\n";
    const std::size_t want =
        cluster::MailStore::kChunkBytes + static_cast<std::size_t>(over) - std::strlen(kTrace);
    while (message.size() + 100 < want) message += std::string(98, 'x') + "\r\n";
    message += std::string(want - message.size() - 2, 'y') + "\r\n";
    {
      Client client(server);
      client.begin();
      client.expect("DATA", "354 ");
      client.send(message + ".\r\n");
      EXPECT_TRUE(client.reply().starts_with("250 2.0.0")) << over;
    }
    ASSERT_EQ(server.mail.submitted.size(), 1u);
    EXPECT_TRUE(server.mail.submitted[0].message == kTrace + message) << over;
    EXPECT_LE(server.mail.submitted[0].body.size(), cluster::MailStore::kChunkBytes);
  }
}

TEST(Serve, LmtpAnswersForEachRecipientAndHoldsThemToTheirQuota) {
  Server server(Flavour::kLmtp);
  server.mail.target_errors[server.accounts["b"]] = Error{ErrorCode::kOverQuota, "full"};
  {
    Client client(server);
    client.begin("a@example.org");
    client.expect("RCPT TO:<b@example.org>", "250");
    client.expect("RCPT TO:<c@example.org>", "250");
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
    EXPECT_TRUE(client.reply().starts_with("452 4.2.2"));
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  const auto& commands = server.mail.submitted[0].txn.commands;
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_TRUE(std::get<storage::AddMessage>(commands[0]).enforce_quota);
  const auto& queue = std::get<storage::QueueAdd>(commands[1]);
  EXPECT_EQ(queue.sender, "x@y.example");
  ASSERT_EQ(queue.recipients.size(), 1u);
  EXPECT_EQ(queue.recipients[0].account, server.accounts["c"]);
  EXPECT_EQ(queue.recipients[0].shard, ShardId{2});
  EXPECT_TRUE(server.mail.submitted[0].message.contains(" with LMTP id "));
  EXPECT_FALSE(server.mail.submitted[0].message.contains("for <"));
}

TEST(Serve, SaysNoWhenTheStoreDoes) {
  struct Case {
    const char* name;
    std::optional<Error> submit, outcome;
    const char* want;
  };
  const Case cases[] = {
      {"busy", Error{ErrorCode::kBusy, ""}, {}, "451 4.3.2"},
      {"unavailable", Error{ErrorCode::kUnavailable, ""}, {}, "451 4.3.2"},
      {"timeout", Error{ErrorCode::kTimeout, ""}, {}, "451 4.3.0"},
      {"full", Error{ErrorCode::kNoSpace, ""}, {}, "452 4.3.1"},
      {"io", Error{ErrorCode::kIo, ""}, {}, "451 4.3.0"},
      {"an outcome with an error", {}, Error{ErrorCode::kCorrupt, ""}, "451 4.3.0"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Server server(Flavour::kSmtp);
    server.mail.submit_error = c.submit;
    server.mail.outcome_error = c.outcome;
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_EQ(client.reply().substr(0, 9), c.want);
    client.expect("MAIL FROM:<x@y.example>", "250");  // the conversation goes on
  }
}

TEST(Serve, AChunkThatCannotBeStoredRefusesTheMessage) {
  Server server(Flavour::kSmtp);
  server.mail.stage_error = Error{ErrorCode::kNoSpace, ""};
  {
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(stuffed(large_message(2 << 20)));
    EXPECT_EQ(client.reply().substr(0, 9), "452 4.3.1");
  }
  EXPECT_TRUE(server.mail.submitted.empty());
  EXPECT_EQ(server.mail.aborted.size(), 1u);
  EXPECT_EQ(server.memory->used(), 0u);
}

TEST(Serve, AClientThatGoesAwayLeavesNothing) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(large_message(1 << 20));
    client.close();
  }
  server.join();
  EXPECT_TRUE(server.mail.submitted.empty());
  EXPECT_EQ(server.mail.aborted.size(), server.mail.uploads.size());
  EXPECT_EQ(server.memory->used(), 0u);
}

TEST(Serve, RefusesWhatIsTooLargeButReadsItToItsEnd) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(stuffed(large_message(5 << 20)));  // the limit is 4 MiB
    EXPECT_EQ(client.reply().substr(0, 9), "552 5.3.4");
    client.expect("NOOP", "250");
  }
  EXPECT_TRUE(server.mail.submitted.empty());
  EXPECT_EQ(server.mail.aborted.size(), 1u);
}

TEST(Serve, SmuggledMessagesStayInsideTheirMessageAndRefuseIt) {
  for (const char* end : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r"}) {
    Server server(Flavour::kSmtp);
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send("Subject: x\r\n\r\nbody" + std::string(end) +
                "MAIL FROM:<evil@y>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nevil\r\n.\r\n");
    EXPECT_EQ(client.reply().substr(0, 9), "554 5.6.0");
    client.expect("QUIT", "221");  // one reply to all of it
    EXPECT_TRUE(server.mail.submitted.empty());
  }
}

TEST(Serve, ABareLineFeedIsToldAtOnceAndEndsNoCommand) {
  Server server(Flavour::kSmtp);
  Client client(server);
  client.expect("EHLO client.example", "250");
  client.send("NOOP\n");
  EXPECT_EQ(client.reply().substr(0, 9), "500 5.5.2");
  client.send("QUIT\r\n");  // the rest of that line
  client.expect("NOOP", "250");
}

TEST(Serve, WaitsForMemoryThatComesFree) {
  Server server(Flavour::kSmtp);
  server.memory.emplace(kFirstBufferBytes);
  MemoryBudget::Share others = server.memory->take(1);
  Client client(server);
  client.begin();
  client.send("DATA\r\n");
  asio::post(server.io, [&] { others = {}; });
  EXPECT_EQ(client.reply().substr(0, 4), "354 ");
  client.send(kStuffed);
  EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
}

TEST(Serve, AnAnnouncedSizeTakesNoMemory) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.expect("EHLO client.example", "250");
    client.expect("MAIL FROM:<x@y.example> SIZE=3000000", "250");
    client.expect("RCPT TO:<a@example.org>", "250");
    client.expect("DATA", "354 ");
    EXPECT_EQ(server.memory->used(), kFirstBufferBytes);
  }
  EXPECT_EQ(server.memory->used(), 0u);
}

TEST(Serve, MemoryForOneChunkIsEnoughForALargeMessage) {
  Server server(Flavour::kSmtp);
  server.memory.emplace(300 << 10);
  server.mail.stage_delay = std::chrono::milliseconds{1};
  const std::string message = large_message(2 << 20);
  {
    Client client(server);
    client.begin();
    client.expect("DATA", "354 ");
    client.send(stuffed(message));
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  EXPECT_TRUE(server.mail.submitted[0].message == kTrace + message);
  EXPECT_GT(server.mail.reads, 0u);  // the parser read it back
}

TEST(Serve, AFullMailboxIsToldAtRcpt) {
  Server server(Flavour::kSmtp);
  server.directory_store.account_records["a@example.org"].quota_bytes = 1000;
  server.mail.accounts[server.accounts["a"]].used_bytes = 900;
  Client client(server);
  client.expect("EHLO client.example", "250");
  client.expect("MAIL FROM:<x@y.example> SIZE=101", "250");
  client.expect("RCPT TO:<a@example.org>", "452 4.2.2");
  client.expect("RCPT TO:<list@example.org>", "250");  // not all of its targets are full
  client.expect("RSET", "250");
  client.expect("MAIL FROM:<x@y.example> SIZE=100", "250");
  client.expect("RCPT TO:<a@example.org>", "250");
}

TEST(Serve, BdatTakesAMessageInPieces) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    client.send("BDAT 10\r\nSubject: h");
    EXPECT_EQ(client.reply(), "250 2.0.0 10 bytes received\r\n");
    client.send("BDAT 5\r\nello\rBDAT 0\r\nBDAT 17 LAST\r\n\n\r\nHello.\r\n.dot\r\nNOOP\r\n");
    EXPECT_EQ(client.reply(), "250 2.0.0 5 bytes received\r\n");
    EXPECT_EQ(client.reply(), "250 2.0.0 0 bytes received\r\n");
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0 Ok, stored as "));
    EXPECT_EQ(client.reply(), "250 2.0.0 Ok\r\n");
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  EXPECT_EQ(server.mail.submitted[0].message, std::string(kTrace) + kMessage);
}

TEST(Serve, BdatDropsThePiecesOfWhatItRefused) {
  Server server(Flavour::kSmtp);
  Client client(server);
  client.expect("EHLO client.example", "250");
  client.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");  // no transaction
  EXPECT_EQ(client.reply().substr(0, 9), "503 5.5.1");
  EXPECT_EQ(client.reply().substr(0, 9), "250 2.0.0");
  client.begin();
  client.send("BDAT 3\r\na\nbBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
  EXPECT_EQ(client.reply().substr(0, 9), "554 5.6.0");
  EXPECT_EQ(client.reply().substr(0, 9), "503 5.5.1");
  EXPECT_EQ(client.reply().substr(0, 9), "503 5.5.1");
  EXPECT_EQ(client.reply().substr(0, 9), "250 2.0.0");
  EXPECT_TRUE(server.mail.submitted.empty());
}

TEST(Serve, BdatOfALargeMessageIsStaged) {
  Server server(Flavour::kLmtp);
  const std::string message = large_message(1 << 20);
  {
    Client client(server);
    client.begin();
    for (std::size_t at = 0; at < message.size(); at += 100'000) {
      const std::string piece = message.substr(at, 100'000);
      const bool last = at + 100'000 >= message.size();
      client.send("BDAT " + std::to_string(piece.size()) + (last ? " LAST\r\n" : "\r\n") + piece);
      EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
    }
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  EXPECT_TRUE(after_received(server.mail.submitted[0].message) == message);
}

TEST(Serve, RsetInTheMiddleOfBdatFreesWhatWasStaged) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    const std::string piece = large_message(600'000);
    client.send("BDAT " + std::to_string(piece.size()) + "\r\n" + piece);
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
    client.expect("RSET", "250");
    EXPECT_EQ(server.mail.aborted.size(), 1u);
    client.expect("MAIL FROM:<x@y.example>", "250");
    client.expect("RCPT TO:<a@example.org>", "250");
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  EXPECT_EQ(after_received(server.mail.submitted[0].message), kMessage);
}

TEST(Serve, StartTlsDropsWhatWasSaidBeforeIt) {
  Server server(Flavour::kSmtp, true);
  {
    Client client(server);
    client.begin();
    client.send("STARTTLS\r\nRSET\r\nMAIL FROM:<injected@y>\r\n");
    EXPECT_EQ(client.reply().substr(0, 9), "220 2.0.0");
    client.close();
  }
  Server fresh(Flavour::kSmtp, true);
  {
    Client client(fresh);
    client.expect("EHLO before.example", "250");
    client.start_tls();
    client.expect("MAIL FROM:<x@y.example>", "503 5.5.1");
    client.begin();
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
  }
  ASSERT_EQ(fresh.mail.submitted.size(), 1u);
  EXPECT_TRUE(fresh.mail.submitted[0].message.contains(" with ESMTPS id "));
  EXPECT_TRUE(fresh.mail.submitted[0].message.contains("\r\n\t(using TLSv1.3 TLS_"));
}

TEST(Serve, SubmissionLogsInUnderTlsAndCompletesTheMessage) {
  Server server(Flavour::kSubmission, true);
  storage::AccountRecord& account = server.directory_store.account_records["a@example.org"];
  account.credentials = *hash_password("secret", {1, 1 << 20, 4096});
  {
    Client client(server);
    client.expect("EHLO client.example", "250");
    client.expect("AUTH PLAIN " + encode_base64(std::string("\0a@example.org\0secret", 21)),
                  "538 5.7.11");
    client.start_tls();
    const std::string greeting = client.say("EHLO client.example");
    for (const char* mechanism : {" PLAIN", " LOGIN", " SCRAM-SHA-256"})
      EXPECT_TRUE(greeting.contains(mechanism)) << greeting;
    client.expect("MAIL FROM:<a@example.org>", "530 5.7.0");
    client.expect("AUTH PLAIN " + encode_base64(std::string("\0a@example.org\0wrong", 20)),
                  "535 5.7.8");
    client.expect("AUTH LOGIN", "334 ");
    client.expect(encode_base64("a@example.org"), "334 ");
    client.expect(encode_base64("secret"), "235 2.7.0");
    client.expect("MAIL FROM:<b@example.org>", "553 5.7.1");
    client.expect("MAIL FROM:<list@example.org>", "250");
    client.expect("RCPT TO:<x@elsewhere.example>", "550 5.7.1");
    client.expect("RCPT TO:<b@example.org>", "250");
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_TRUE(client.reply().starts_with("250 2.0.0"));
  }
  ASSERT_EQ(server.mail.submitted.size(), 1u);
  EXPECT_EQ(server.mail.submitted[0].txn.actor, server.accounts["a"]);
  const std::string& message = server.mail.submitted[0].message;
  EXPECT_TRUE(message.contains(" with ESMTPSA id "));
  EXPECT_EQ(after_received(message),
            "Date: Tue, 24 Nov 2026 05:10:11 +0000\r\n"
            "Message-ID: <495972-1-0000000000000001@mx.example.org>\r\n" +
                std::string(kMessage));
}

TEST(Serve, AuthLoginWithTheUserNameAtOnce) {
  Server server(Flavour::kSubmission, true);
  server.directory_store.account_records["a@example.org"].credentials =
      *hash_password("secret", {1, 1 << 20, 4096});
  Client client(server);
  client.expect("EHLO client.example", "250");
  client.start_tls();
  client.expect("EHLO client.example", "250");
  client.expect("AUTH LOGIN " + encode_base64("a@example.org"), "334 ");
  client.expect(encode_base64("secret"), "235 2.7.0");
}

TEST(Serve, SaysGoodbyeWhenTheServerStops) {
  Server server(Flavour::kSmtp);
  Client client(server);
  client.expect("EHLO client.example", "250");
  server.stopping = true;
  client.expect("NOOP", "421 4.3.2");
  EXPECT_EQ(client.reply(), "");
}

TEST(Serve, AnIdleClientHearsOfTheStopAtOnce) {
  Server server(Flavour::kSmtp);
  Client client(server);
  client.expect("EHLO client.example", "250");
  server.stopping = true;
  asio::post(server.io, [&] { server.handle.stop_reading(); });
  EXPECT_EQ(client.reply().substr(0, 9), "421 4.3.2");
  EXPECT_EQ(client.reply(), "");
}

TEST(Serve, CountsWhatItTakesAndRefuses) {
  Server server(Flavour::kSmtp);
  {
    Client client(server);
    client.begin();
    client.expect("RCPT TO:<nobody@example.org>", "550");
    client.expect("DATA", "354 ");
    client.send(kStuffed);
    EXPECT_TRUE(client.reply().starts_with("250"));
  }
  const std::string text = server.metrics.text();
  EXPECT_TRUE(text.contains("everpost_messages_accepted_total{protocol=\"smtp\"} 1")) << text;
  EXPECT_TRUE(text.contains("reason=\"unknown_user\"} 1"));
  EXPECT_TRUE(text.contains("everpost_message_accept_seconds_count{protocol=\"smtp\"} 1"));
}

}  // namespace
}  // namespace everpost::node::smtp
