#include "node/directory/address.h"

#include <gtest/gtest.h>

namespace everpost::node {
namespace {

TEST(Address, HasOneFormForAllItsSpellings) {
  struct Case {
    const char* name;
    std::string text;
    std::string want;
  };
  const Case cases[] = {
      {"plain", "user@example.test", "user@example.test"},
      {"capitals", "User.Name@EXAMPLE.Test", "user.name@example.test"},
      {"all of atext", "!#$%&'*+-/=?^_`{|}~@example.test", "!#$%&'*+-/=?^_`{|}~@example.test"},
      {"quotes that were not needed", "\"User\"@example.test", "user@example.test"},
      {"a backslash that was not needed", "\"u\\ser\"@example.test", "user@example.test"},
      {"quotes that are needed", "\"A b\"@example.test", "\"a b\"@example.test"},
      {"an at sign in quotes", "\"a@b\"@example.test", "\"a@b\"@example.test"},
      {"an escaped quote", "\"a\\\"b\"@example.test", "\"a\\\"b\"@example.test"},
      {"two dots in quotes", "\"a..b\"@example.test", "\"a..b\"@example.test"},
      {"an empty quoted string", "\"\"@example.test", "\"\"@example.test"},
      {"UTF-8 in lower case", "\xc3\x84\xc3\x96@example.test", "\xc3\xa4\xc3\xb6@example.test"},
      {"UTF-8 composed (NFC)", "A\xcc\x88@example.test", "\xc3\xa4@example.test"},
      {"a U-label",
       "a@B\xc3\x9c"
       "CHER.example",
       "a@b\xc3\xbc"
       "cher.example"},
      {"an A-label", "a@XN--Bcher-KVA.example",
       "a@b\xc3\xbc"
       "cher.example"},
      {"a decomposed U-label",
       "a@bu\xcc\x88"
       "cher.example",
       "a@b\xc3\xbc"
       "cher.example"},
      {"an IPv4 literal", "a@[192.0.2.1]", "a@[192.0.2.1]"},
      {"an IPv6 literal", "a@[IPv6:2001:DB8:0:0::1]", "a@[ipv6:2001:db8::1]"},
      {"one label", "root@localhost", "root@localhost"},
      {"digits", "a@1.2.example", "a@1.2.example"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto address = parse_address(c.text);
    ASSERT_TRUE(address) << to_string(address.error());
    EXPECT_EQ(address->text(), c.want);
    const auto again = parse_address(address->text());
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(*again, *address);
  }
}

TEST(Address, RefusesWhatRfc5321DoesNotAllow) {
  struct Case {
    const char* name;
    std::string text;
  };
  const Case cases[] = {
      {"empty", ""},
      {"no at sign", "user"},
      {"no local part", "@example.test"},
      {"no domain", "user@"},
      {"a second at sign", "a@b@example.test"},
      {"a leading dot", ".user@example.test"},
      {"a trailing dot before the at sign", "user.@example.test"},
      {"two dots", "us..er@example.test"},
      {"a space", "us er@example.test"},
      {"a line end", "user\r\n@example.test"},
      {"a NUL", std::string("us\0er@example.test", 18)},
      {"angle brackets", "<user@example.test>"},
      {"an open quote", "\"user@example.test"},
      {"text after the closing quote", "\"us\"er@example.test"},
      {"a quoted string alone", "\"user\""},
      {"a control character in quotes", "\"us\x01\"@example.test"},
      {"a backslash at the end", "\"us\\"},
      {"a trailing dot", "user@example.test."},
      {"a leading dot in the domain", "user@.example.test"},
      {"an empty label", "user@example..test"},
      {"an underscore in the domain", "user@exa_mple.test"},
      {"a hyphen at the start of a label", "user@-example.test"},
      {"a hyphen at the end of a label", "user@example-.test"},
      {"a label of 64 bytes", "user@" + std::string(64, 'a') + ".test"},
      {"a domain of 256 bytes", "user@" + std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                    std::string(63, 'c') + "." + std::string(64, 'd')},
      {"a local part of 65 bytes", std::string(65, 'a') + "@example.test"},
      {"two kilobytes", std::string(2048, 'a') + "@example.test"},
      {"invalid UTF-8", "us\xff@example.test"},
      {"an overlong NUL", "us\xc0\x80@example.test"},
      {"a surrogate", "us\xed\xa0\x80@example.test"},
      {"a C1 control character", "us\xc2\x85@example.test"},
      {"a line separator", "us\xe2\x80\xa8@example.test"},
      {"invalid UTF-8 in the domain", "user@ex\xff.test"},
      {"a fake A-label", "user@xn--a.test"},
      {"an A-label of ASCII", "user@xn--abc-.test"},
      {"a symbol that IDNA2008 forbids", "user@\xe2\x9d\xa4\xe2\x82\xac\xf0\x9f\x98\x80!.test"},
      {"an open literal", "user@[192.0.2.1"},
      {"a literal with a wrong number", "user@[192.0.2.256]"},
      {"a literal with an unknown tag", "user@[x400:c=de]"},
      {"an IPv6 literal without its tag", "user@[2001:db8::1]"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto address = parse_address(c.text);
    ASSERT_FALSE(address) << address->text();
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(address.error().context, "");
  }
}

TEST(Address, MayBeAsLongAsRfc5321Allows) {
  const std::string domain = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                             std::string(63, 'c') + "." + std::string(63, 'd');
  ASSERT_EQ(domain.size(), 255u);
  EXPECT_TRUE(parse_address(std::string(64, 'x') + "@" + domain));
}

TEST(Address, NeedsNoSmtputf8ForItsDomain) {
  EXPECT_TRUE(parse_address("a@b\xc3\xbc"
                            "cher.example")
                  ->ascii());
  EXPECT_FALSE(parse_address("\xc3\xa4@example.test")->ascii());
}

TEST(Domain, HasAnAsciiForm) {
  EXPECT_EQ(domain_to_ascii("b\xc3\xbc"
                            "cher.example")
                .value(),
            "xn--bcher-kva.example");
  EXPECT_EQ(domain_to_ascii("example.test").value(), "example.test");
  EXPECT_EQ(domain_to_ascii("[ipv6:2001:db8::1]").value(), "[ipv6:2001:db8::1]");
}

TEST(Subaddress, IsSplitAtTheFirstPlus) {
  struct Case {
    std::string local, user;
    std::optional<std::string> tag;
  };
  const Case cases[] = {
      {"user", "user", std::nullopt},       {"user+tag", "user", "tag"},
      {"user+a+b", "user", "a+b"},          {"user+", "user", ""},
      {"+tag", "+tag", std::nullopt},       {"\"a b+c d\"", "\"a b\"", "c d"},
      {"\"a b\"", "\"a b\"", std::nullopt}, {"\"user+a b\"", "user", "a b"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.local);
    const Subaddress parts = split_subaddress(c.local);
    EXPECT_EQ(parts.user, c.user);
    EXPECT_EQ(parts.tag, c.tag);
  }
}

}  // namespace
}  // namespace everpost::node
