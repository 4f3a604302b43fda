#include "node/imap/syntax/mailbox_name.h"

#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

TEST(MailboxName, ModifiedUtf7AndUtf8AreTwoSpellingsOfOneName) {
  struct Case {
    const char *wire, *utf8;
  };
  const Case cases[] = {
      {"", ""},
      {"Archive", "Archive"},
      {"a/b", "a/b"},
      {"Q&-A", "Q&A"},
      {"&-", "&"},
      {"&-&-", "&&"},
      {"Entw&APw-rfe", "Entwürfe"},
      {"&AOk-&-", "é&"},
      {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},  // RFC 3501 §5.1.3
      {"&2D3eAA-", "😀"},
      {"&AAE-", "\x01"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.wire);
    const auto name = decode_mailbox_name(c.wire);
    ASSERT_TRUE(name) << to_string(name.error());
    EXPECT_EQ(*name, c.utf8);
    EXPECT_EQ(encode_mailbox_name(c.utf8), c.wire);
  }
}

TEST(MailboxName, ThatIsNotModifiedUtf7IsRefused) {
  struct Case {
    const char *name, *wire;
  };
  const Case cases[] = {
      {"a shift that does not end", "a&b"},
      {"a shift that ends with the name", "&AOk"},
      {"8-bit bytes", "Entw\xc3\xbcrfe"},
      {"printable ASCII in base64", "&AGE-"},
      {"half a surrogate pair, high", "&2D0-"},
      {"half a surrogate pair, low", "&3gA-"},
      {"half a code unit", "&AO-"},
      {"bits left over", "&AOm-x&AOl-"},
      {"two shifts in a row", "&AOk-&AOk-"},
      {"base64 of another alphabet", "&U/BTFw-"},
      {"padding", "&AOk=-"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(decode_mailbox_name(c.wire));
  }
}

TEST(MailboxName, OfInboxIsTheSameInAnyCase) {
  EXPECT_EQ(decode_mailbox_name("inbox").value(), "INBOX");
  EXPECT_EQ(decode_mailbox_name("InBox/Sub").value(), "INBOX/Sub");
  EXPECT_EQ(decode_mailbox_name("Inboxes").value(), "Inboxes");
  EXPECT_EQ(decode_mailbox_name("a/inbox").value(), "a/inbox");
}

TEST(MailboxName, IsComposed) {
  // "e" and a combining acute accent, as some systems write "é".
  EXPECT_EQ(decode_mailbox_name("cafe&AwE-").value(), "café");
}

TEST(MailboxName, OfANewMailboxIsChecked) {
  for (const char* good : {"a", "a/b/c", "Entwürfe", "a b", "a*b"})
    EXPECT_TRUE(check_new_mailbox_name(good)) << good;
  for (const char* bad : {"", "/", "/a", "a/", "a//b", "a\nb", "a\x7f"})
    EXPECT_FALSE(check_new_mailbox_name(bad)) << bad;
  EXPECT_FALSE(check_new_mailbox_name(std::string(1001, 'x')));
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += "/a";
  EXPECT_FALSE(check_new_mailbox_name(deep));
}

TEST(ListPattern, Matches) {
  struct Case {
    const char *pattern, *name;
    bool matches;
  };
  const Case cases[] = {
      {"*", "a", true},
      {"*", "a/b/c", true},
      {"%", "a", true},
      {"%", "a/b", false},
      {"%/%", "a/b", true},
      {"%/%", "a/b/c", false},
      {"a*", "a", true},
      {"a*c", "abc", true},
      {"a*c", "a/b/c", true},
      {"a%c", "a/b/c", false},
      {"a", "ab", false},
      {"ab", "a", false},
      {"", "a", false},
      {"*b*", "abc", true},
      {"*%*", "a/b", true},
      {"%b", "aab", true},
      {"%a/*", "aa/b/c", true},
      {"inbox", "INBOX", true},
      {"iNb*", "INBOX", true},
      {"inbox/%", "INBOX/sub", true},
      {"INBOX/SUB", "INBOX/sub", false},
      {"archive", "Archive", false},
      {"***********", "abc", true},
      {"é%", "état", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " on " + c.name);
    EXPECT_EQ(matches_pattern(c.pattern, c.name), c.matches);
  }
}

TEST(ListPattern, OfManyWildcardsTakesNoLongerForIt) {
  std::string pattern, name(900, 'a');
  for (int i = 0; i < 900; ++i) pattern += "*a";
  EXPECT_TRUE(matches_pattern(pattern, name));
  EXPECT_FALSE(matches_pattern(pattern + "*b", name));
}

}  // namespace
}  // namespace everpost::node::imap
