#include "node/imap/syntax/parse.h"

#include <gtest/gtest.h>

#include "tests/unit/node_imap/describe.h"

namespace everpost::node::imap {
namespace {

// What the command is taken for, or why not.
std::string parsed(std::string_view line) {
  const auto command = parse_command("t " + std::string(line) + "\r\n");
  if (!command) return (command.error().no ? "NO " : "BAD ") + command.error().response;
  EXPECT_EQ(command->tag, "t");
  return describe(command->arguments);
}

TEST(Parse, Commands) {
  struct Case {
    const char *line, *want;
  };
  const Case cases[] = {
      {"CAPABILITY", "capability"},
      {"noop", "noop"},
      {"Logout", "logout"},
      {"STARTTLS", "starttls"},
      {"ID NIL", "id"},
      {"ID ()", "id"},
      {"ID (\"name\" \"x\" \"os\" NIL)", "id name=x os=NIL"},
      {"AUTHENTICATE plain", "authenticate PLAIN"},
      {"AUTHENTICATE PLAIN =", "authenticate PLAIN ''"},
      {"AUTHENTICATE SCRAM-SHA-256 Zm9v", "authenticate SCRAM-SHA-256 'foo'"},
      {"LOGIN a@b.c secret", "login a@b.c secret"},
      {"LOGIN \"a b\" \"q\\\"\\\\\"", "login a b q\"\\"},
      {"LOGIN {3}\r\na b {2+}\r\nxy", "login a b xy"},
      {"ENABLE CONDSTORE foo", "enable CONDSTORE FOO"},
      {"SELECT inbox", "select INBOX"},
      {"SELECT \"a b\"", "select a b"},
      {"SELECT {3}\r\na b", "select a b"},
      {"EXAMINE Entw&APw-rfe", "examine Entwürfe"},
      {"SELECT a (CONDSTORE)", "select a condstore"},
      {"CREATE a/b/", "create a/b"},
      {"CREATE a (USE (\\Sent))", "create a \\Sent"},
      {"CREATE a (USE (\\Sent \\Trash))", "create a \\Sent \\Trash"},
      {"DELETE a", "delete a"},
      {"RENAME inbox b", "rename INBOX b"},
      {"SUBSCRIBE a", "subscribe a"},
      {"UNSUBSCRIBE a", "unsubscribe a"},
      {"NAMESPACE", "namespace"},
      {"STATUS a (MESSAGES unseen)", "status a {messages unseen}"},
      {"STATUS a (RECENT UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE APPENDLIMIT)",
       "status a {recent uidnext uidvalidity highestmodseq size appendlimit}"},
      {"LIST \"\" *", "list '' '*'"},
      {"LIST a/ %", "list 'a/' '%'"},
      {"LIST \"\" \"\"", "list '' ''"},
      {"LIST \"\" (a \"b*\")", "list '' 'a' 'b*' extended"},
      {"LIST () \"\" a", "list '' 'a' extended"},
      {"LIST (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" *",
       "list '' '*' extended only-subscribed recursivematch"},
      {"LIST (SPECIAL-USE) \"\" * RETURN (CHILDREN SUBSCRIBED SPECIAL-USE)",
       "list '' '*' extended only-special-use subscribed children special-use"},
      {"LIST \"\" % RETURN (STATUS (MESSAGES))", "list '' '%' extended status{messages}"},
      {"LIST \"\" % RETURN ()", "list '' '%' extended"},
      {"LSUB \"\" a%", "lsub '' 'a%'"},
      {"IDLE", "idle"},
      {"CHECK", "check"},
      {"CLOSE", "close"},
      {"UNSELECT", "unselect"},
      {"EXPUNGE", "expunge"},
      {"UID EXPUNGE 1:3,9", "expunge uid 1:3,9"},
      {"STORE 1 FLAGS (\\Seen)", "store 1 =(\\Seen)"},
      {"STORE 1:* +flags.silent \\Deleted $x", "store 1:* +(\\Deleted $x) silent"},
      {"UID STORE 1 -FLAGS ()", "uid store 1 -()"},
      {"STORE 1 (UNCHANGEDSINCE 12) +FLAGS (a)", "store 1 +(a) unchangedsince 12"},
      {"COPY 1:2 Trash", "copy 1:2 Trash"},
      {"uid copy 7 a", "uid copy 7 a"},
      {"MOVE 1 a", "move 1 a"},
      {"UID MOVE *:3 a", "uid move *:3 a"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(parsed(c.line), c.want);
  }
}

TEST(Parse, Fetch) {
  struct Case {
    const char *line, *want;
  };
  const Case cases[] = {
      {"FETCH 1 FLAGS", "fetch 1 flags"},
      {"FETCH 1:* (flags UID)", "fetch 1:* flags uid"},
      {"UID FETCH 1 FLAGS", "uid fetch 1 uid flags"},
      {"UID FETCH 1 (FLAGS UID)", "uid fetch 1 flags uid"},
      {"FETCH 1 ALL", "fetch 1 flags date size envelope"},
      {"FETCH 1 FAST", "fetch 1 flags date size"},
      {"FETCH 1 FULL", "fetch 1 flags date size envelope body"},
      {"FETCH 1 BODY", "fetch 1 body"},
      {"FETCH 1 (BODY BODYSTRUCTURE)", "fetch 1 body bodystructure"},
      {"FETCH 1 BODY[]", "fetch 1 section[]"},
      {"FETCH 1 body.peek[]", "fetch 1 section.peek[]"},
      {"FETCH 1 BODY[]<0.100>", "fetch 1 section[]<0.100>"},
      {"FETCH 1 BODY[1.2]", "fetch 1 section[1.2.]"},
      {"FETCH 1 BODY[1.2.MIME]", "fetch 1 section[1.2.mime]"},
      {"FETCH 1 BODY[2.HEADER]<5.6>", "fetch 1 section[2.header]<5.6>"},
      {"FETCH 1 BODY[TEXT]", "fetch 1 section[text]"},
      {"FETCH 1 BODY.PEEK[HEADER.FIELDS (From \"To\")]", "fetch 1 section.peek[fields From To]"},
      {"FETCH 1 BODY[1.HEADER.FIELDS.NOT ({2}\r\nCc)]", "fetch 1 section[1.fields.not Cc]"},
      {"FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
       "fetch 1 rfc822 rfc822.header rfc822.text size"},
      {"FETCH 1 (FLAGS FLAGS BODY[1] BODY[1] BODY[2])", "fetch 1 flags section[1.] section[2.]"},
      {"FETCH 1 (FLAGS) (CHANGEDSINCE 7)", "fetch 1 modseq flags changedsince 7"},
      {"FETCH 1 (ENVELOPE INTERNALDATE MODSEQ)", "fetch 1 envelope date modseq"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(parsed(c.line), c.want);
  }
}

TEST(Parse, Search) {
  struct Case {
    const char *line, *want;
  };
  const Case cases[] = {
      {"SEARCH ALL", "search: and(all)"},
      {"UID SEARCH 1:3,9", "uid search: and(seq 1:3,9)"},
      {"SEARCH UNSEEN", "search: and(not(flag 1))"},
      {"SEARCH NEW", "search: and(and(recent not(flag 1)))"},
      {"SEARCH OLD", "search: and(not(recent))"},
      {"SEARCH DELETED UNDELETED", "search: and(flag 8 not(flag 8))"},
      {"SEARCH NOT (SEEN FLAGGED)", "search: and(not(and(flag 1 flag 4)))"},
      {"SEARCH OR ANSWERED DRAFT", "search: and(or(flag 2 flag 16))"},
      {"SEARCH KEYWORD a UNKEYWORD b", "search: and(keyword a not(keyword b))"},
      {"SEARCH FROM a TO \"b c\"", "search: and(header From=a header To=b c)"},
      {"SEARCH SUBJECT {3}\r\na b", "search: and(header Subject=a b)"},
      {"SEARCH HEADER X-Foo \"\"", "search: and(header X-Foo=)"},
      {"SEARCH BODY x TEXT y", "search: and(body=x text=y)"},
      {"SEARCH CHARSET utf-8 TEXT \xc3\xa9", "BAD an atom or string is missing"},
      {"SEARCH CHARSET utf-8 TEXT \"\xc3\xa9\"", "search utf-8: and(text=é)"},
      {"SEARCH CHARSET KOI8-R ALL", "NO [BADCHARSET (US-ASCII UTF-8)] unknown charset"},
      {"SEARCH TEXT \"\xff\"", "NO [BADCHARSET (US-ASCII UTF-8)] not valid UTF-8"},
      {"SEARCH BEFORE 2-Jan-1970 SENTSINCE \"3-Jan-1970\"", "search: and(before 1 sentsince 2)"},
      {"SEARCH ON 2-Jan-1970 SINCE 2-Jan-1970", "search: and(on 1 since 1)"},
      {"SEARCH SENTON 2-Jan-1970 SENTBEFORE 2-Jan-1970", "search: and(senton 1 sentbefore 1)"},
      {"SEARCH LARGER 10 SMALLER 20", "search: and(larger 10 smaller 20)"},
      {"SEARCH UID 5:*", "search: and(uid 5:*)"},
      {"SEARCH MODSEQ 12", "search: and(modseq 12)"},
      {"SEARCH MODSEQ \"/flags/\\\\draft\" all 12", "search: and(modseq 12)"},
      {"SEARCH RETURN () ALL", "search return all: and(all)"},
      {"SEARCH RETURN (MIN MAX COUNT) 1", "search return min max count: and(seq 1)"},
      {"SEARCH (ALL)", "search: and(and(all))"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(parsed(c.line), c.want);
  }
}

TEST(Parse, RefusesWhatIsNoCommand) {
  const char* const lines[] = {
      "",
      "FOO",
      "NOOP x",
      "NOOP ",
      " NOOP",
      "UID",
      "UID NOOP",
      "UID FETCH",
      "LOGIN",
      "LOGIN a",
      "LOGIN a b c",
      "LOGIN a \"b",
      "LOGIN a {3}",
      "SELECT",
      "SELECT a b",
      "SELECT a (FOO)",
      "SELECT (a)",
      "CREATE a (USE \\Sent)",
      "STATUS a ()",
      "STATUS a MESSAGES",
      "STATUS a (FOO)",
      "LIST \"\"",
      "LIST (RECURSIVEMATCH) \"\" *",
      "LIST (FOO) \"\" *",
      "LIST \"\" * RETURN (FOO)",
      "LIST \"\" * RETURN",
      "LIST \"\" ()",
      "FETCH 1",
      "FETCH 0 FLAGS",
      "FETCH a FLAGS",
      "FETCH 1 ()",
      "FETCH 1 (ALL)",
      "FETCH 1 FOO",
      "FETCH 1 BODY[",
      "FETCH 1 BODY[MIME]",
      "FETCH 1 BODY[1.]",
      "FETCH 1 BODY[0]",
      "FETCH 1 BODY[]<1>",
      "FETCH 1 BODY[]<1.0>",
      "FETCH 1 BODY.PEEK",
      "FETCH 1 BODY[HEADER.FIELDS ()]",
      "FETCH 1 FLAGS (VANISHED)",
      "STORE 1 FOO (a)",
      "STORE 1 FLAGS",
      "STORE 1 FLAGS (\\Recent)",
      "STORE 1 FLAGS (\\Foo)",
      "COPY 1",
      "SEARCH",
      "SEARCH FOO",
      "SEARCH NOT",
      "SEARCH OR ALL",
      "SEARCH (ALL",
      "SEARCH ()",
      "SEARCH BEFORE yesterday",
      "SEARCH RETURN (SAVE) ALL",
      "AUTHENTICATE PLAIN Zm9",
      "ENABLE",
      "ID",
      "ID (\"a\")",
      "APPEND a (\\Seen)",
      "EXPUNGE 1",
      "UID EXPUNGE",
  };
  for (const char* line : lines) {
    SCOPED_TRACE(line);
    EXPECT_EQ(parsed(line).substr(0, 3), "BAD");
  }
}

// Each of a command's FETCH responses repeats them.
TEST(Parse, BoundsTheHeaderFieldNamesOfAllItemsTogether) {
  const auto fetch = [](std::size_t bytes) {
    const std::string item = "BODY.PEEK[HEADER.FIELDS (\"" + std::string(bytes, 'x') + "\")]";
    return "FETCH 1:* (" + item + " " + item + "<0.1>)";
  };
  EXPECT_NE(parsed(fetch(1000)).substr(0, 3), "BAD");
  EXPECT_EQ(parsed(fetch(10'000)).substr(0, 3), "BAD");
  std::string many = "FETCH 1 (";
  for (int i = 0; i < 2; ++i) {
    many += i == 0 ? "BODY[HEADER.FIELDS (a" : " BODY[1.HEADER.FIELDS (a";
    for (int name = 0; name < 300; ++name) many += " a";
    many += ")]";
  }
  EXPECT_EQ(parsed(many + ")").substr(0, 3), "BAD");
}

// Each pattern is tried on every mailbox, with the reference before it.
TEST(Parse, BoundsTheReferenceAndThePatternsOfAListTogether) {
  const std::string half(1200, 'a'), long_pattern(900, 'b');
  EXPECT_NE(parsed("LIST \"" + half + "\" %").substr(0, 2), "NO");
  for (const std::string& command : std::vector<std::string>{
           "LIST \"" + half + "\" \"" + long_pattern + "\"", "LIST \"" + half + "\" (a b)",
           "LSUB \"" + half + "\" \"" + long_pattern + "\""})
    EXPECT_EQ(parsed(command).substr(0, 10), "NO [LIMIT]") << command;
}

TEST(Parse, BoundsHowManyTextsASearchLooksFor) {
  const auto search = [](int keys) {
    std::string line = "SEARCH";
    for (int i = 0; i < keys; ++i) line += i % 2 ? " BODY a" : " TEXT b";
    return parsed(line);
  };
  EXPECT_NE(search(32).substr(0, 2), "NO");
  EXPECT_EQ(search(33).substr(0, 10), "NO [LIMIT]");
}

TEST(Parse, AnswersWithTheTagIfThereIsOne) {
  EXPECT_EQ(parse_command("a.1 FOO\r\n").error().tag, "a.1");
  EXPECT_EQ(parse_command("+ NOOP\r\n").error().tag, "*");
  EXPECT_EQ(parse_command("(\r\n").error().tag, "*");
  EXPECT_EQ(parse_command("a\r\n").error().tag, "*");
  EXPECT_EQ(parse_command("\xff\r\n").error().tag, "*");
}

TEST(Parse, BoundsWhatASearchMayAskFor) {
  std::string deep = "SEARCH ";
  for (int i = 0; i < 60; ++i) deep += "NOT ";
  EXPECT_EQ(parsed(deep + "ALL"), "NO [LIMIT] the search is too complex");
  std::string wide = "SEARCH ALL";
  for (int i = 0; i < 1000; ++i) wide += " ALL";
  EXPECT_EQ(parsed(wide), "NO [LIMIT] the search is too complex");
}

TEST(Parse, RefusesMailboxNamesThatAreNone) {
  EXPECT_EQ(parsed("SELECT a&b").substr(0, 11), "NO [CANNOT]");
  EXPECT_EQ(parsed("SELECT " + std::string(3000, 'x')).substr(0, 11), "NO [CANNOT]");
  // In a pattern they are no error: they match nothing.
  EXPECT_EQ(parsed("LIST \"\" a&b*"), "list '' 'a&b*'");
}

TEST(ParseAppend, StopsBeforeTheMessage) {
  struct Case {
    const char* bytes;
    AppendPrefix::Kind kind;
    const char* want;
  };
  using Kind = AppendPrefix::Kind;
  const Case cases[] = {
      {"t APPEND a {12}\r\n", Kind::kMessage, "append a () 12"},
      {"t append \"a b\" {12+}\r\n", Kind::kMessage, "append a b () 12+"},
      {"t APPEND a (\\Seen x) {0}\n", Kind::kMessage, "append a (\\Seen x) 0"},
      {"t APPEND a \"01-Jan-1970 00:00:01 +0000\" {1}\r\n", Kind::kMessage,
       "append a () 1000000 1"},
      {"t APPEND a (b) \"01-Jan-1970 00:00:01 +0000\" {1}\r\n", Kind::kMessage,
       "append a (b) 1000000 1"},
      {"t APPEND {1}\r\na {5}\r\n", Kind::kMessage, "append a () 5"},
      {"t APPEND {1}\r\n", Kind::kNotAppend, ""},
      {"t LOGIN {1}\r\n", Kind::kNotAppend, ""},
      {"t APPEND a b {5}\r\n", Kind::kError, ""},
      {"t APPEND a \"yesterday\" {5}\r\n", Kind::kError, ""},
      {"t APPEND a (\\Recent) {5}\r\n", Kind::kError, ""},
      {"t APPEND a&b {5}\r\n", Kind::kError, ""},
      {"t APPEND a ({5}\r\n", Kind::kError, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.bytes);
    const AppendPrefix prefix = parse_append(c.bytes);
    EXPECT_EQ(prefix.kind, c.kind);
    if (c.kind == Kind::kMessage && prefix.kind == c.kind)
      EXPECT_EQ(describe(prefix.command.arguments), c.want);
    if (c.kind == Kind::kError) EXPECT_EQ(prefix.error.tag, "t");
  }
}

}  // namespace
}  // namespace everpost::node::imap
