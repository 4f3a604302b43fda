#include "node/mime/address.h"

#include <gtest/gtest.h>

#include "node/mime/imap_string.h"

namespace everpost::node::mime {
namespace {

std::string parsed(std::string_view value) {
  std::vector<Address> addresses;
  parse_addresses(value, 100, addresses);
  std::string text;
  for (const Address& a : addresses) {
    text += '(';
    append_imap_nstring(text, a.name);
    text += ' ';
    append_imap_nstring(text, a.route);
    text += ' ';
    append_imap_nstring(text, a.mailbox);
    text += ' ';
    append_imap_nstring(text, a.host);
    text += ')';
  }
  return text;
}

TEST(Addresses, AreReadAsTheyAreWritten) {
  struct Case {
    const char* value;
    const char* want;
  };
  const Case cases[] = {
      {"", ""},
      {" , ,", ""},
      {"a@b", R"((NIL NIL "a" "b"))"},
      {"<a@b>", R"((NIL NIL "a" "b"))"},
      {"A B <a@b>, c@d", R"(("A B" NIL "a" "b")(NIL NIL "c" "d"))"},
      {"\"B, A\" <a@b>", R"(("B, A" NIL "a" "b"))"},
      {"\"q\\\"q\" <a@b>", R"(("q\"q" NIL "a" "b"))"},
      {"J. R. Tolkien <a@b>", R"(("J. R. Tolkien" NIL "a" "b"))"},
      {"=?utf-8?q?J=C3=B6rg?= X <a@b>", R"(("=?utf-8?q?J=C3=B6rg?= X" NIL "a" "b"))"},
      {"a@b (A B)", R"(("A B" NIL "a" "b"))"},
      {"<a@b> (A B)", R"(("A B" NIL "a" "b"))"},
      {"A (c(d)e) B <a@b> (x)", R"(("A B" NIL "a" "b"))"},
      {"\"j doe\"@b", R"((NIL NIL "j doe" "b"))"},
      {"a . b @ c . d", R"((NIL NIL "a.b" "c.d"))"},
      {"a@[192.0.2.1]", R"((NIL NIL "a" "[192.0.2.1]"))"},
      {"<@x,@y:a@b>", R"((NIL "@x,@y" "a" "b"))"},
      {"Friends: a@b, C <c@d>;, e@f",
       R"((NIL NIL "Friends" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL))"
       R"((NIL NIL "e" "f"))"},
      {"undisclosed-recipients:;", R"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"},
      // Broken ones.
      {"root", R"((NIL NIL "root" ""))"},
      {"root (Charlie)", R"(("Charlie" NIL "root" ""))"},
      {"undisclosed recipients", R"(("undisclosed recipients" NIL "" ""))"},
      {"A <a@b", R"(("A" NIL "a" "b"))"},
      {"A <a@b, c@d", R"(("A" NIL "a" "b")(NIL NIL "c" "d"))"},
      {"A <a>", R"(("A" NIL "a" ""))"},
      {"<>", R"((NIL NIL "" ""))"},
      {"A <>", R"(("A" NIL "" ""))"},
      {"a@b@c", R"((NIL NIL "a" "b@c"))"},
      {"a@", R"((NIL NIL "a" ""))"},
      {"@b", R"((NIL NIL "" "b"))"},
      {"\"not closed <a@b>", R"(("not closed <a@b>" NIL "" ""))"},
      {"(not closed <a@b>", ""},
      {"a@b c@d", R"((NIL NIL "a" "b"))"},
      {"A <a@b> B <c@d>, e@f", R"(("A" NIL "a" "b")(NIL NIL "e" "f"))"},
      {"Open: a@b", R"((NIL NIL "Open" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))"},
      {"x: y: a@b;", R"((NIL NIL "x" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))"},
      {";:>)", "(NIL NIL \")\" \"\")"},
      {"\xe9t\xe9 <a@b>", "({3}\r\n\xe9t\xe9 NIL \"a\" \"b\")"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(parsed(c.value), c.want);
  }
}

TEST(Addresses, AreBounded) {
  std::string value;
  for (int i = 0; i < 1000; ++i) value += "a@b, ";
  std::vector<Address> addresses;
  parse_addresses(value, 10, addresses);
  EXPECT_EQ(addresses.size(), 10U);
}

}  // namespace
}  // namespace everpost::node::mime
