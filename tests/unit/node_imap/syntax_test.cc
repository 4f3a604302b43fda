// Terminals: dates, base64, flags, response texts.
#include <gtest/gtest.h>

#include "node/imap/session/format.h"
#include "node/imap/syntax/base64.h"
#include "node/imap/syntax/cursor.h"
#include "node/imap/syntax/date_time.h"

namespace everpost::node::imap {
namespace {

using namespace std::chrono_literals;

TEST(Dates, AreParsed) {
  EXPECT_EQ(parse_date("1-Feb-1994"), std::chrono::sys_days{1994y / 2 / 1});
  EXPECT_EQ(parse_date("29-feb-2024"), std::chrono::sys_days{2024y / 2 / 29});
  for (const char* bad : {"", "1-Feb-94", "30-Feb-1994", "0-Feb-1994", "1-Foo-1994", "1 Feb 1994",
                          "1-Feb-1994 ", "111-Feb-1994"})
    EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
}

TEST(DatesAndTimes, AreParsed) {
  EXPECT_EQ(parse_date_time("17-Jul-1996 02:44:25 -0700")->micros, 837596665000000);
  EXPECT_EQ(parse_date_time(" 7-Feb-1994 21:52:25 +0000")->micros, 760657945000000);
  EXPECT_EQ(parse_date_time("01-Jan-1970 01:00:00 +0100")->micros, 0);
  for (const char* bad :
       {"", "17-Jul-1996", "17-Jul-1996 24:00:00 +0000", "17-Jul-1996 02:60:00 +0000",
        "17-Jul-1996 02:44:25", "17-Jul-1996 02:44:25 0700", "17-Jul-1996 02:44:25 -07000"})
    EXPECT_EQ(parse_date_time(bad), std::nullopt) << bad;
}

TEST(Base64, GoesBothWays) {
  for (const std::string& bytes : {std::string(), std::string("f"), std::string("fo"),
                                   std::string("foo"), std::string("\0\xff\0", 3)})
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zm=v", "Zm9v\n", "Zm9vYg==Zg=="})
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
}

TEST(Literals, AreAnnouncedAtTheEndOfALine) {
  EXPECT_EQ(literal_at_end("A LOGIN {11}")->bytes, 11u);
  EXPECT_TRUE(literal_at_end("A LOGIN {11}")->synchronizing);
  EXPECT_FALSE(literal_at_end("A LOGIN {11+}")->synchronizing);
  EXPECT_EQ(literal_at_end("{99999999999999999999}")->bytes, UINT64_MAX / 2);
  for (const char* none : {"", "}", "{}", "{+}", "{1", "{-1}", "{1}x", "{ 1}", "{1++}", "1}"})
    EXPECT_FALSE(literal_at_end(none)) << none;
}

TEST(Flags, AreParsed) {
  Cursor cursor("(\\Seen \\dELETED $Forwarded $forwarded)");
  const storage::Flags flags = cursor.flag_list();
  EXPECT_TRUE(cursor.ok());
  EXPECT_EQ(flags.system, storage::kSeen | storage::kDeleted);
  EXPECT_EQ(flags.keywords, std::vector<std::string>{"$Forwarded"});
  for (const char* bad : {"(\\Recent)", "(\\Foo)", "(a", "a)", "( a)", "(a  b)", "(\\)"}) {
    Cursor wrong(bad);
    static_cast<void>(wrong.flag_list());
    EXPECT_FALSE(wrong.ok()) << bad;
  }
}

TEST(Cursor, TakesNothingAfterAnError) {
  Cursor cursor("abc");
  cursor.expect('x');
  EXPECT_FALSE(cursor.ok());
  EXPECT_FALSE(cursor.take('a'));
  EXPECT_EQ(cursor.atom(), "");
  EXPECT_EQ(cursor.error(), "'x' is missing");
}

TEST(Cursor, ReadsStrings) {
  struct Case {
    const char* text;
    std::optional<std::string> want;
  };
  const Case cases[] = {
      {"atom]", "atom]"},
      {"\"a \\\"b\\\\ c\"", "a \"b\\ c"},
      {"\"\"", ""},
      {"{3}\r\na b", "a b"},
      {"{3+}\r\na\r\n", "a\r\n"},
      {"{0}\r\n", ""},
      {"\"\xc3\xa9\"", "é"},
      {"\"open", std::nullopt},
      {"\"\\x\"", std::nullopt},
      {"\"a\r\n\"", std::nullopt},
      {"{4}\r\nabc", std::nullopt},
      {"{3} \r\nabc", std::nullopt},
      {"{x}\r\nabc", std::nullopt},
      {"(", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    Cursor cursor(c.text);
    const std::string text = cursor.astring();
    EXPECT_EQ(cursor.ok(), c.want.has_value());
    if (c.want) EXPECT_EQ(text, *c.want);
  }
  Cursor nul(std::string_view("{3}\r\na\0b", 8));
  static_cast<void>(nul.string());
  EXPECT_FALSE(nul.ok());
}

TEST(Cursor, ReadsSequenceSets) {
  constexpr auto kStar = SequenceSet::kStar;
  Cursor cursor("1,3:5,9:*,*");
  const SequenceSet set = cursor.sequence_set();
  EXPECT_TRUE(cursor.ok());
  EXPECT_EQ(set, (SequenceSet{{{1, 1}, {3, 5}, {9, kStar}, {kStar, kStar}}}));
  for (const char* bad : {"", "0", "1,", "1:", ":1", "1:0", "a", "4294967296", "1,,2"}) {
    Cursor wrong(bad);
    static_cast<void>(wrong.sequence_set());
    wrong.end();
    EXPECT_FALSE(wrong.ok()) << bad;
  }
}

TEST(Responses, ShowMailboxesAsAtomsOrQuoted) {
  const auto text = [](std::string_view name) {
    std::string out;
    append_mailbox(name, out);
    return out;
  };
  EXPECT_EQ(text("INBOX"), "INBOX");
  EXPECT_EQ(text("a/b"), "a/b");
  EXPECT_EQ(text("a b"), "\"a b\"");
  EXPECT_EQ(text("a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(text("Entwürfe"), "Entw&APw-rfe");
  EXPECT_EQ(text(""), "\"\"");
}

TEST(Responses, ShowFlags) {
  const auto text = [](storage::Flags flags, bool recent) {
    std::string out;
    append_flags(flags, recent, out);
    return out;
  };
  EXPECT_EQ(text({}, false), "()");
  EXPECT_EQ(text({storage::kSeen | storage::kDraft, {"a", "b"}}, true),
            "(\\Seen \\Draft \\Recent a b)");
}

TEST(Responses, CannotBeBrokenByWhatIsInThem) {
  EXPECT_EQ(printable("a\r\nb\tc\xc3\xa9"), "a??b?c??");
}

TEST(Responses, KeepTheOrderOfCopiedUids) {
  EXPECT_EQ(ordered_uid_set({Uid{3}, Uid{4}, Uid{5}, Uid{9}, Uid{7}}), "3:5,9,7");
  EXPECT_EQ(ordered_uid_set({Uid{3}}), "3");
}

}  // namespace
}  // namespace everpost::node::imap
