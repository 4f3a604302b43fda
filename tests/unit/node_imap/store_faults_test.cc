// What a client hears, and what happens to its mail, when the store fails, or its mailbox goes.
#include "tests/unit/node_imap/server.h"

namespace everpost::node::imap {
namespace {

using Call = FaultyStore::Call;
constexpr Timing kImpatient{.search = std::chrono::milliseconds{0},
                            .failed_login = std::chrono::milliseconds{1},
                            .write_pause = std::chrono::milliseconds{1}};

class StoreFaults : public testing::Test {
 protected:
  void select(Client& who, const std::string& mailbox = "INBOX") {
    who.send("select SELECT " + mailbox + "\r\n");
    std::string line;
    while ((line = who.line()).starts_with("* ")) {
    }
    ASSERT_TRUE(line.starts_with("select OK")) << line;
  }
  // The answer to a command, behind what is untagged.
  std::string answer(Client& who, const std::string& command) {
    who.send("x " + command + "\r\n");
    std::string line;
    while ((line = who.line()).starts_with("* ") && !line.starts_with("* BYE")) {
    }
    return line;
  }
  // So many messages, at the cost of few commands.
  void fill(const std::string& mailbox, int at_least) {
    client.append(mailbox, kMessage);
    select(client, mailbox);
    for (int count = 1; count < at_least; count *= 2)
      ASSERT_TRUE(fits(answer(client, "COPY 1:* " + mailbox), "x OK ..."));
    ASSERT_TRUE(fits(answer(client, "UNSELECT"), "x OK ..."));
  }

  Server server{false, kImpatient};
  Client client{server, "ann"};
};

TEST_F(StoreFaults, AFetchEndsWhenItsMailboxIsGone) {
  ASSERT_TRUE(fits(answer(client, "CREATE Gone"), "x OK ..."));
  fill("Gone", 600);
  server.store->deaf = true;  // the FETCH itself has to find out
  select(client, "Gone");
  Client other(server, "ann");
  other.play("C: a DELETE Gone\nS: a OK ...");
  const std::size_t before = server.store->count(Call::kMessages);
  client.play(R"(
    C: a FETCH 1:* FLAGS
    S: * BYE The selected mailbox was deleted by another session
    S: (closed)
  )");
  EXPECT_EQ(server.store->count(Call::kMessages) - before, 1U);
}

TEST_F(StoreFaults, AFetchEndsWhenTheStoreDoesNotAnswer) {
  fill("INBOX", 600);
  select(client);
  for (const ErrorCode code : {ErrorCode::kClosed, ErrorCode::kUnavailable, ErrorCode::kNotFound}) {
    const std::size_t before = server.store->count(Call::kMessages);
    server.store->fail(Call::kMessages, {code});
    EXPECT_TRUE(fits(answer(client, "FETCH 1:* FLAGS"), "x NO [...] ..."));
    EXPECT_EQ(server.store->count(Call::kMessages) - before, 1U);
  }
  // In the middle of it.
  const std::size_t before = server.store->count(Call::kRead);
  server.store->fail(Call::kRead, {ErrorCode::kClosed});
  EXPECT_TRUE(fits(answer(client, "FETCH 1:* BODY.PEEK[]"), "x NO [UNAVAILABLE] ..."));
  EXPECT_EQ(server.store->count(Call::kRead) - before, 1U);
}

TEST_F(StoreFaults, AWriteThatHappenedInSpiteOfATimeoutIsAnsweredWithOk) {
  using enum ErrorCode;
  server.store->fail(Call::kSubmit, {kTimeout});
  client.append("INBOX", kMessage);
  server.store->fail(Call::kSubmit, {kTimeout, kBusy});
  client.append("INBOX", kMessage);
  select(client);
  server.store->fail(Call::kSubmit, {kTimeout, kTimeout});
  client.play(R"(
    C: a COPY 1:2 Archive
    S: a OK [COPYUID ... 1:2 1:2] ...
    C: b STATUS Archive (MESSAGES)
    S: * STATUS Archive (MESSAGES 2)
    S: b OK ...
  )");
  server.store->fail(Call::kSubmit, {kTimeout});
  client.play(R"(
    C: c STORE 1 +FLAGS (\Flagged)
    S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
    S: c OK ...
    C: d STATUS INBOX (MESSAGES)
    S: * STATUS INBOX (MESSAGES 2)
    S: d OK ...
  )");
}

TEST_F(StoreFaults, AWriteOfWhichNobodyKnowsIsNotTriedForEver) {
  using enum ErrorCode;
  client.append("INBOX", kMessage);
  select(client);
  server.store->fail(Call::kSubmit, {kTimeout, kBusy, kTimeout});
  const std::size_t before = server.store->count(Call::kSubmit);
  client.play("C: a COPY 1 Archive\nS: a NO [UNAVAILABLE] ...");
  EXPECT_EQ(server.store->count(Call::kSubmit) - before, 3U);
  // What has certainly not happened is the client's to try again.
  server.store->fail(Call::kSubmit, {kBusy});
  client.play("C: b COPY 1 Archive\nS: b NO [LIMIT] ...");
  EXPECT_EQ(server.store->count(Call::kSubmit) - before, 4U);
}

// More than is held in memory at once.
TEST_F(StoreFaults, ManyChangesAreToldInBatches) {
  fill("INBOX", 2048);
  select(client);
  Client other(server, "ann");
  select(other);
  ASSERT_TRUE(fits(answer(other, "STORE 1:* +FLAGS.SILENT (\\Flagged)"), "x OK ..."));
  const auto fetches = [&](const std::string& command) {
    client.send("x " + command + "\r\n");
    int count = 0;
    for (std::string line; !(line = client.line()).starts_with("x "); ++count)
      EXPECT_TRUE(fits(line, "* ... FETCH (UID ...")) << line;
    return count;
  };
  // Twice: by NOOP, and before it is answered.
  server.store->fail(Call::kMessages, {ErrorCode::kUnavailable, ErrorCode::kUnavailable});
  EXPECT_EQ(fetches("NOOP"), 2 * 1000);
  EXPECT_EQ(fetches("NOOP"), 2048);  // what was missed is told with all that belongs to it
  EXPECT_EQ(fetches("NOOP"), 0);
  EXPECT_EQ(fetches("UID FETCH 1:* FLAGS"), 2048);

  other.play("C: a UID FETCH 2047:* (FLAGS) (CHANGEDSINCE 1)");
  other.expect("* OK [HIGHESTMODSEQ ...");
  other.expect("* 2047 FETCH (UID 2047 ...");
  other.expect("* 2048 FETCH (UID 2048 ...");
  other.expect("a OK ...");
}

// The last texts that a SEARCH looks into are fewer than it takes at once.
TEST_F(StoreFaults, ASearchDoesNotOutlastTheServersStop) {
  fill("INBOX", 80);
  select(client);
  server.store->on(Call::kWithReader, [this] { server.stopping = true; });
  client.send("a SEARCH BODY there\r\n");
  std::string line;
  while ((line = client.line()).starts_with("* OK Still searching")) {
  }
  EXPECT_TRUE(fits(line, "a NO [UNAVAILABLE] ...")) << line;
  EXPECT_EQ(server.store->count(Call::kWithReader), 1U);
  client.play("S: * BYE [UNAVAILABLE] ...\nS: (closed)");
}

TEST_F(StoreFaults, ASearchSaysThatItIsAtIt) {
  client.append("INBOX", kMessage);
  select(client);
  client.play(R"(
    C: a SEARCH BODY there
    S: * OK Still searching
    S: * OK Still searching
    S: * SEARCH 1
    S: a OK ...
  )");
}

// EXPUNGE writes nothing if no message is \Deleted, as far as it knows: it must not rely on that
// while there are changes that could not be read.
TEST_F(StoreFaults, AnExpungeIsMadeIfChangesAreUnknown) {
  client.append("INBOX", kMessage);
  select(client);
  Client other(server, "ann");
  select(other);
  other.play("C: a STORE 1 +FLAGS.SILENT (\\Deleted)\nS: a OK ...");
  server.store->fail(Call::kChanges, {ErrorCode::kUnavailable, ErrorCode::kUnavailable});
  client.play(R"(
    C: b NOOP
    S: b OK ...
    C: c EXPUNGE
    S: * 1 EXPUNGE
    S: c OK ...
  )");
}

TEST_F(StoreFaults, AnExpungeWithoutDeletedMessagesWritesNothing) {
  client.append("INBOX", kMessage);
  select(client);
  const std::size_t before = server.store->count(Call::kSubmit);
  client.play("C: a EXPUNGE\nS: a OK ...");
  EXPECT_EQ(server.store->count(Call::kSubmit), before);
}

}  // namespace
}  // namespace everpost::node::imap
