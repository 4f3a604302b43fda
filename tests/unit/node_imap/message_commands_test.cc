// APPEND, FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, IDLE: dialogues.
#include <set>

#include "tests/unit/node_imap/server.h"

namespace everpost::node::imap {
namespace {

class Messages : public testing::Test {
 protected:
  void select(Client& who, const std::string& mailbox = "INBOX") {
    who.send("select SELECT " + mailbox + "\r\n");
    while (true) {
      const std::string line = who.line();
      if (line.starts_with("* ")) continue;
      ASSERT_TRUE(line.starts_with("select OK")) << line;
      return;
    }
  }
  void fill(int count) {
    for (int i = 0; i < count; ++i) client.append("INBOX", kMessage);
  }

  // Flips a bit of this text where the shard keeps it.
  void rot(const std::string& text) {
    const std::string folder = "data/shard-0001/log";
    const auto names = server.env.list(folder);
    ASSERT_TRUE(names);
    for (const std::string& name : *names) {
      auto file = server.env.open(folder + "/" + name, storage::Env::Open::kRead);
      ASSERT_TRUE(file);
      std::string bytes((*file)->size().value(), '\0');
      ASSERT_TRUE((*file)->read(0, std::as_writable_bytes(std::span(bytes))));
      const std::size_t at = bytes.find(text);
      if (at == std::string::npos) continue;
      server.env.flip_bit(folder + "/" + name, at, 0);
      return;
    }
    FAIL() << "no such text in the log";
  }

  Server server;
  Client client{server, "ann"};
};

TEST_F(Messages, AreAppendedAndFetched) {
  client.play(R"(
    C: a APPEND INBOX (\Seen $x) "07-Feb-1994 21:52:25 -0800" {18}
    S: + ...
    C: Subject: x
    C:
    C: Hi
    C:
    S: a OK [APPENDUID ... 1] ...
  )");
  select(client);
  client.play(R"(
    C: b FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])
    S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent $x) RFC822.SIZE 18 INTERNALDATE " 8-Feb-1994 05:52:25 +0000" BODY[] {18}
    S: Subject: x
    S: 
    S: Hi
    S: )
    S: b OK ...
  )");
}

// The beginning of Unix time is a date like any other.
TEST_F(Messages, KeepTheDateTheyAreGiven) {
  client.play(R"(
    C: a APPEND INBOX "01-Jan-1970 00:00:00 +0000" {12+}
    C: Subject: x
    C:
    S: a OK ...
  )");
  select(client);
  client.play(R"(
    C: b FETCH 1 INTERNALDATE
    S: * 1 FETCH (INTERNALDATE " 1-Jan-1970 00:00:00 +0000")
    S: b OK ...
  )");
}

TEST_F(Messages, TellTheirStructure) {
  fill(1);
  select(client);
  client.play(R"(
    C: a UID FETCH 1 (ENVELOPE BODYSTRUCTURE)
    S: * 1 FETCH (UID 1 ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800" "Hello" (("Ann" NIL "ann" "example.test")) ... NIL "<1@example.test>") BODYSTRUCTURE ("TEXT" "PLAIN" ...))
    S: a OK ...
    C: b FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]
    S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}
    S: Subject: Hello
    S: 
    S: )
    S: b OK ...
  )");
}

TEST_F(Messages, AreSeenWhenTheirTextIsFetched) {
  fill(2);
  select(client);
  client.play(R"(
    C: a FETCH 1:2 BODY[TEXT]
    S: * 1 FETCH (BODY[TEXT] {11}
    S: Hi there.
    S:  FLAGS (\Seen \Recent))
    S: * 2 FETCH (BODY[TEXT] {11}
    S: Hi there.
    S:  FLAGS (\Seen \Recent))
    S: a OK ...
    C: b FETCH 1 BODY[TEXT]
    S: * 1 FETCH (BODY[TEXT] {11}
    S: Hi there.
    S: )
    S: b OK ...
    C: c EXAMINE INBOX
    S: * OK [CLOSED] ...
    S: * FLAGS ...
    S: * OK ...
    S: * 2 EXISTS
    S: * 0 RECENT
    S: * OK [UIDVALIDITY ...
    S: * OK [UIDNEXT ...
    S: * OK [HIGHESTMODSEQ ...
    S: c OK ...
  )");
}

TEST_F(Messages, OfAnySizeComeBackAsTheyWere) {
  std::string large = "Subject: large\r\n\r\n";
  while (large.size() < 3'000'000) large += "line " + std::to_string(large.size()) + "\r\n";
  std::string medium = large.substr(0, 256 << 10);
  for (const std::string* text : {&large, &medium}) {
    client.send("a APPEND INBOX {" + std::to_string(text->size()) + "}\r\n");
    client.expect("+ ...");
    client.send(*text + "\r\n");
    client.expect("a OK [APPENDUID ...");
  }
  select(client);
  client.send("b FETCH 1:2 BODY.PEEK[]\r\n");
  client.expect("* 1 FETCH (BODY[] {" + std::to_string(large.size()) + "}");
  EXPECT_TRUE(client.bytes(large.size()) == large);
  client.expect(")");
  client.expect("* 2 FETCH (BODY[] {" + std::to_string(medium.size()) + "}");
  EXPECT_TRUE(client.bytes(medium.size()) == medium);
  client.expect(")");
  client.play(R"(
    S: b OK ...
    C: c FETCH 1 BODY.PEEK[]<18.6>
    S: * 1 FETCH (BODY[]<18> {6}
    S: line 1)
    S: c OK ...
  )");
}

TEST_F(Messages, ThatCannotBeTakenAreRefusedBeforeTheyAreSent) {
  client.play(R"(
    C: a APPEND Nowhere {10}
    S: a NO [TRYCREATE] ...
    C: b APPEND INBOX {5000000}
    S: b NO [TOOBIG] ...
    C: c APPEND INBOX {0}
    S: c NO ...
    C: d APPEND Nowhere {8+}
    C: e NOOP
    C:
    S: d NO [TRYCREATE] ...
    C: f NOOP
    S: f OK ...
    C: g APPEND INBOX {3+}
    C: abc (x) {3+}
    S: * BYE ...
    S: g NO ...
    S: (closed)
  )");
}

TEST_F(Messages, AreNotTakenBeyondTheQuota) {
  server.directory_store.account_records["bob@example.test"].quota_bytes = 400;
  Client bob(server, "bob");
  bob.append("INBOX", kMessage);
  bob.append("INBOX", kMessage);
  bob.play(R"(
    C: a APPEND INBOX {200}
    S: a NO [OVERQUOTA] ...
    C: b SELECT INBOX
    S: * FLAGS ...
    S: * OK ...
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * OK [UNSEEN 1] ...
    S: * OK ...
    S: * OK ...
    S: * OK ...
    S: b OK ...
    C: c COPY 1 Sent
    S: c NO [OVERQUOTA] ...
    C: d MOVE 1 Sent
    S: * OK [COPYUID ... 1 1] ...
    S: * 1 EXPUNGE
    S: d OK ...
  )");
}

TEST_F(Messages, ChangeTheirFlags) {
  fill(3);
  select(client);
  client.play(R"(
    C: a STORE 1:2 +FLAGS (\Flagged)
    S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
    S: * 2 FETCH (UID 2 FLAGS (\Flagged \Recent))
    S: a OK ...
    C: b STORE 2:3 FLAGS.SILENT ($work)
    S: * FLAGS (... $work)
    S: * OK [PERMANENTFLAGS (... $work \*)] ...
    S: b OK ...
    C: c STORE 1 +FLAGS (\Flagged)
    S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
    S: c OK ...
    C: d UID STORE 2 -FLAGS ($WORK)
    S: * 2 FETCH (UID 2 FLAGS (\Recent))
    S: d OK ...
    C: e STORE 4 +FLAGS (\Seen)
    S: e BAD ...
    C: f UID STORE 99 +FLAGS (\Seen)
    S: f OK ...
  )");
}

TEST_F(Messages, HaveModSeqsForThoseWhoAskForThem) {
  fill(2);
  select(client);
  client.play(R"(
    C: a ENABLE CONDSTORE
    S: * OK [HIGHESTMODSEQ ...] ...
    S: * ENABLED CONDSTORE
    S: a OK ...
    C: b STORE 1 +FLAGS (\Seen)
    S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent) MODSEQ (...))
    S: b OK ...
    C: c STORE 1:2 (UNCHANGEDSINCE 1) +FLAGS (\Flagged)
    S: c OK [MODIFIED 1:2] ...
    C: d STORE 1 +FLAGS.SILENT (\Flagged)
    S: * 1 FETCH (UID 1 MODSEQ (...))
    S: d OK ...
    C: e FETCH 1:2 (FLAGS) (CHANGEDSINCE 1000000)
    S: e OK ...
    C: f UID FETCH 1:2 (FLAGS) (CHANGEDSINCE 1)
    S: * 1 FETCH (UID 1 MODSEQ (...) FLAGS (\Flagged \Seen \Recent))
    S: * 2 FETCH (UID 2 MODSEQ (...) FLAGS (\Recent))
    S: f OK ...
    C: g SEARCH MODSEQ 1
    S: * SEARCH 1 2 (MODSEQ ...)
    S: g OK ...
  )");
}

TEST_F(Messages, AreFound) {
  fill(3);
  select(client);
  client.play(R"(
    C: a STORE 2 +FLAGS.SILENT (\Seen)
    S: a OK ...
    C: b SEARCH UNSEEN
    S: * SEARCH 1 3
    S: b OK ...
    C: c UID SEARCH RETURN (MIN COUNT) SUBJECT hello
    S: * ESEARCH (TAG "c") UID MIN 1 COUNT 3
    S: c OK ...
    C: d SEARCH BODY "hi THERE" 2:*
    S: * SEARCH 2 3
    S: d OK ...
    C: e SEARCH TEXT nowhere
    S: * SEARCH
    S: e OK ...
    C: f SEARCH CHARSET X-FOO ALL
    S: f NO [BADCHARSET (US-ASCII UTF-8)] ...
    C: g SEARCH SENTON 7-Feb-1994 NEW
    S: * SEARCH 1 3
    S: g OK ...
  )");
}

TEST_F(Messages, AreCopiedAndMoved) {
  fill(3);
  select(client);
  client.play(R"(
    C: a COPY 1:2 Archive
    S: a OK [COPYUID ... 1:2 1:2] ...
    C: b COPY 1 Nowhere
    S: b NO [TRYCREATE] ...
    C: c UID COPY 77 Archive
    S: c OK ...
    C: d UID MOVE 1,3 Archive
    S: * OK [COPYUID ... 1,3 3:4] ...
    S: * 3 EXPUNGE
    S: * 1 EXPUNGE
    S: d OK ...
    C: e COPY 1 INBOX
    S: * 2 EXISTS
    S: * ...RECENT
    S: e OK [COPYUID ... 2 4] ...
    C: f STATUS Archive (MESSAGES)
    S: * STATUS Archive (MESSAGES 4)
    S: f OK ...
  )");
}

TEST_F(Messages, AreExpunged) {
  fill(4);
  select(client);
  client.play(R"(
    C: a EXPUNGE
    S: a OK ...
    C: b STORE 1,3,4 +FLAGS.SILENT (\Deleted)
    S: b OK ...
    C: c UID EXPUNGE 3:10
    S: * 4 EXPUNGE
    S: * 3 EXPUNGE
    S: c OK ...
    C: d EXPUNGE
    S: * 1 EXPUNGE
    S: d OK ...
    C: e STORE 1 +FLAGS.SILENT (\Deleted)
    S: e OK ...
    C: f CLOSE
    S: f OK ...
    C: g STATUS INBOX (MESSAGES)
    S: * STATUS INBOX (MESSAGES 0)
    S: g OK ...
  )");
}

TEST_F(Messages, ExpungedByOthersKeepTheirNumbersUntilItCanBeTold) {
  fill(3);
  select(client);
  Client other(server, "ann");
  select(other);
  other.play(R"(
    C: a STORE 1 +FLAGS.SILENT (\Deleted)
    S: a OK ...
    C: b EXPUNGE
    S: * 1 EXPUNGE
    S: b OK ...
  )");
  client.play(R"(
    C: a FETCH 1:3 UID
    S: * 2 FETCH (UID 2)
    S: * 3 FETCH (UID 3)
    S: a OK ...
    C: b FETCH 1 UID
    S: b OK [EXPUNGEISSUED] ...
    C: c COPY 1:2 Archive
    S: c NO [EXPUNGEISSUED] ...
    C: d STORE 2 +FLAGS (\Seen)
    S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent))
    S: d OK ...
    C: e UID FETCH 2 UID
    S: * 2 FETCH (UID 2)
    S: * 1 EXPUNGE
    S: e OK ...
    C: f FETCH 1 UID
    S: * 1 FETCH (UID 2)
    S: f OK ...
  )");
}

TEST_F(Messages, AreNotExpungedUnderAPipelinedCommand) {
  fill(2);
  select(client);
  Client other(server, "ann");
  select(other);
  other.play(R"(
    C: a STORE 1 +FLAGS.SILENT (\Deleted)
    S: a OK ...
    C: b EXPUNGE
    S: * 1 EXPUNGE
    S: b OK ...
  )");
  // The second command's number was chosen before the answer to the first was seen.
  client.send("a UID FETCH 2 UID\r\nb FETCH 2 UID\r\n");
  client.play(R"(
    S: * 2 FETCH (UID 2)
    S: a OK ...
    S: * 2 FETCH (UID 2)
    S: b OK ...
    C: c NOOP
    S: * 1 EXPUNGE
    S: c OK ...
  )");
}

TEST_F(Messages, OfOthersAreToldWhileIdle) {
  fill(1);
  select(client);
  client.play("C: a IDLE\nS: + idling");
  Client other(server, "ann");
  other.append("INBOX", kMessage);
  client.play("S: * 2 EXISTS\nS: * 2 RECENT");
  select(other);
  other.play(R"(
    C: a STORE 2 +FLAGS (\Seen)
    S: * 2 FETCH ...
    S: a OK ...
  )");
  client.play(R"(S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent)))");
  other.play(R"(
    C: b UID MOVE 1 Archive
    S: * OK ...
    S: * 1 EXPUNGE
    S: b OK ...
  )");
  client.play(R"(
    S: * 1 EXPUNGE
    C: DONE
    S: a OK ...
    C: b IDLE
    S: + idling
    C: b NOOP
    S: b BAD expected DONE
  )");
}

TEST_F(Messages, AreNotTakenWithoutMemoryForThem) {
  Server strict(false, {.memory = std::chrono::milliseconds{1}});
  Client ann(strict, "ann");
  {
    const auto share = strict.memory->take(8 << 20);
    ann.play(R"(
      C: a APPEND INBOX {10}
      S: a NO [LIMIT] ...
      C: b APPEND INBOX {4+}
      C: abcd
      S: b NO [LIMIT] ...
    )");
  }
  ann.play(R"(
    C: c APPEND INBOX {10+}
    C: Subject: x
    S: c OK ...
  )");
  EXPECT_EQ(strict.memory->used(), 0u);
}

TEST_F(Messages, ThatAreDamagedDoNotHideTheOthers) {
  const std::string damaged = "Subject: damaged\r\n\r\nthese bytes will rot\r\n";
  client.append("INBOX", kMessage);
  client.append("INBOX", damaged);
  client.append("INBOX", kMessage);
  rot("these bytes will rot");
  select(client);
  client.send("a FETCH 1:3 BODY.PEEK[]\r\n");
  std::set<std::string> answered;
  std::string line;
  while (!(line = client.line()).starts_with("a "))
    if (line.starts_with("* ")) answered.insert(line);
  EXPECT_EQ(answered,
            (std::set<std::string>{"* 1 FETCH (BODY[] {149}", "* 3 FETCH (BODY[] {149}"}));
  EXPECT_TRUE(fits(line, "a NO [SERVERBUG] ...")) << line;
  client.play(R"(
    C: b SEARCH BODY there
    S: * SEARCH 1 3
    S: b OK SEARCH completed, but some messages could not be read
    C: c FETCH 2 (FLAGS ENVELOPE)
    S: * 2 FETCH (FLAGS (\Recent) ENVELOPE (...
    S: c OK ...
  )");
}

TEST_F(Messages, DamagedInTheMiddleEndTheSessionRatherThanTheLiteral) {
  std::string large = "Subject: large\r\n\r\n";
  while (large.size() < 600'000) large += "line " + std::to_string(large.size()) + "\r\n";
  large += "these bytes will rot\r\n";
  client.append("INBOX", large);
  rot("these bytes will rot");
  select(client);
  client.send("a FETCH 1 BODY.PEEK[]\r\n");
  client.expect("* 1 FETCH (BODY[] {" + std::to_string(large.size()) + "}");
  EXPECT_LT(client.bytes(large.size()).size(), large.size());
  EXPECT_EQ(client.line(), "(closed)");
}

TEST_F(Messages, ComeInManyBatches) {
  fill(3);
  select(client);
  client.play(R"(
    C: a COPY 1:3 INBOX
    S: * 6 EXISTS
    S: * ...RECENT
    S: a OK ...
  )");
  for (int size = 6; size < 1500; size *= 2) {
    client.send("b COPY 1:* INBOX\r\n");
    client.expect("* " + std::to_string(2 * size) + " EXISTS");
    client.expect("* ...RECENT");
    client.expect("b OK ...");
  }
  const int size = 1536;
  client.send("c FETCH 1:* (UID RFC822.SIZE)\r\n");
  for (int i = 1; i <= size; ++i)
    client.expect("* " + std::to_string(i) + " FETCH (UID " + std::to_string(i) +
                  " RFC822.SIZE 149)");
  client.play(R"(
    S: c OK ...
    C: d SEARCH RETURN (COUNT) BODY there FROM ann
    S: * ESEARCH (TAG "d") COUNT 1536
    S: d OK ...
    C: e STORE 1:* +FLAGS.SILENT (\Deleted)
    S: e OK ...
    C: f CLOSE
    S: f OK ...
    C: g STATUS INBOX (MESSAGES)
    S: * STATUS INBOX (MESSAGES 0)
    S: g OK ...
  )");
}

}  // namespace
}  // namespace everpost::node::imap
