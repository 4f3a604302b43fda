#include "node/smtp/syntax/path.h"

#include <gtest/gtest.h>
#include <string>

namespace everpost::node::smtp {
namespace {

std::string parsed(std::string_view text, PathKind kind) {
  const auto path = parse_path(text, kind);
  if (!path) return "error";
  return std::string(path->local) + "|" + std::string(path->domain) + "|" + std::string(path->rest);
}

TEST(Path, IsTakenApart) {
  struct Case {
    const char* text;
    const char* want;
  };
  const Case cases[] = {
      {"<a@b.c>", "a|b.c|"},
      {"<a@b.c> SIZE=1", "a|b.c| SIZE=1"},
      {"<a.b+c=d@b>", "a.b+c=d|b|"},
      {"<!#$%&'*+-/=?^_`{|}~@x>", "!#$%&'*+-/=?^_`{|}~|x|"},
      {"<\"a b\"@c>", "\"a b\"|c|"},
      {"<\"a@b>c\"@d>", "\"a@b>c\"|d|"},
      {"<\"a\\\"b\\\\\"@d>", "\"a\\\"b\\\\\"|d|"},
      {"<\"\"@d>", "\"\"|d|"},
      {"<a@[192.0.2.1]>", "a|[192.0.2.1]|"},
      {"<a@[IPv6:2001:db8::1]>", "a|[IPv6:2001:db8::1]|"},
      {"<a@[ipv6:::1]>", "a|[ipv6:::1]|"},
      {"<@one.example,@two.example:a@b>", "a|b|"},  // the route is ignored
      {"<@[192.0.2.1]:a@b>", "a|b|"},
      {"<j\xC3\xB6rg@b\xC3\xBC.example>", "j\xC3\xB6rg|b\xC3\xBC.example|"},
      {"<\"j\xC3\xB6 rg\"@b>", "\"j\xC3\xB6 rg\"|b|"},
      {"<a@xn--bcher-kva.example>", "a|xn--bcher-kva.example|"},
      {"<a@b-c.d>", "a|b-c.d|"},
      {"<a@1.2.3>", "a|1.2.3|"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parsed(c.text, PathKind::kReverse), c.want);
    EXPECT_EQ(parsed(c.text, PathKind::kForward), c.want);
  }
}

TEST(Path, TheNullPathIsASenderOnly) {
  EXPECT_EQ(parsed("<> BODY=7BIT", PathKind::kReverse), "|| BODY=7BIT");
  EXPECT_EQ(parsed("<>", PathKind::kForward), "error");
}

TEST(Path, PostmasterNeedsNoDomainAsARecipient) {
  EXPECT_EQ(parsed("<Postmaster>", PathKind::kForward), "Postmaster||");
  EXPECT_EQ(parsed("<postMASTER> NOTIFY=NEVER", PathKind::kForward), "postMASTER|| NOTIFY=NEVER");
  EXPECT_EQ(parsed("<Postmaster>", PathKind::kReverse), "error");
  EXPECT_EQ(parsed("<abuse>", PathKind::kForward), "error");
}

TEST(Path, IsRefused) {
  const std::string cases[] = {
      "",
      "a@b",
      "<",
      "<a@b",
      "<a>",
      "<@b>",
      "<a@>",
      "<a @b>",
      "<a@b >",
      "< a@b>",
      "<a@b@c>",
      "<.a@b>",
      "<a.@b>",
      "<a..b@c>",
      "<a@b..c>",
      "<a@.b>",
      "<a@b.>",
      "<a@-b>",
      "<a@b->",
      "<a@b_c>",
      "<\"a@b>",
      "<\"a\"b@c>",
      "<\"a\\\">",
      "<\"a\x01\"@b>",
      "<\"a\\\x01\"@b>",
      "<a,b@c>",
      "<a(b)@c>",
      "<a@[192.0.2]>",
      "<a@[192.0.2.256]>",
      "<a@[IPv6:2001:db8]>",
      "<a@[IPv6:192.0.2.1]>",
      "<a@[tag:what]>",
      "<a@[192.0.2.1>",
      "<@one.example a@b>",
      "<@one.example,two.example:a@b>",
      "<@one.example>",
      "<@:a@b>",
      "<a\xC3@b>",              // cut UTF-8
      "<a\xC0\xAF@b>",          // overlong
      "<a\xED\xA0\x80@b>",      // a surrogate
      "<a\xF4\x90\x80\x80@b>",  // beyond U+10FFFF
      std::string("<a\0@b>", 6),
      std::string("<a@[192.0.2.1\0]>", 16),
      "<" + std::string(65, 'a') + "@b>",
      "<a@" + std::string(64, 'b') + ">",
      "<a@" + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(63, 'd') + "." +
          std::string(63, 'e') + ".f>",
  };
  for (const std::string& text : cases) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(text, PathKind::kReverse), "error");
    EXPECT_EQ(parsed(text, PathKind::kForward), "error");
  }
}

TEST(Path, LongestPartsPass) {
  const std::string local(64, 'a');
  const std::string domain = std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                             std::string(63, 'd') + "." + std::string(63, 'e');
  EXPECT_EQ(parsed("<" + local + "@" + domain + ">", PathKind::kForward),
            local + "|" + domain + "|");
}

TEST(HeloName, IsLenientAboutNamesButNotAboutCharacters) {
  for (const char* name : {"mx.example", "localhost", "WIN_PC-7", "[192.0.2.1]",
                           "[IPv6:2001:db8::1]", "[::1]", "192.0.2.1", "a"})
    EXPECT_TRUE(is_helo_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\tb"), std::string("<a>"),
        std::string("a(b)"), std::string("a;b"), std::string("j\xC3\xB6rg"), std::string("[]"),
        std::string("a\0b", 3), std::string(256, 'a')})
    EXPECT_FALSE(is_helo_name(name)) << name;
}

}  // namespace
}  // namespace everpost::node::smtp
