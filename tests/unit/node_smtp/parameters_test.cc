#include "node/smtp/syntax/parameters.h"

#include <gtest/gtest.h>
#include <string>

#include "node/smtp/syntax/base64.h"
#include "node/smtp/syntax/dsn.h"

namespace everpost::node::smtp {
namespace {

std::string parsed(std::string_view text) {
  const auto parameters = parse_parameters(text);
  if (!parameters) return "error";
  std::string all;
  for (const Parameter& parameter : *parameters) {
    all += "[" + std::string(parameter.keyword);
    if (parameter.has_value) all += "=" + std::string(parameter.value);
    all += "]";
  }
  return all;
}

TEST(Parameters, AreTakenApart) {
  struct Case {
    std::string text;
    const char* want;
  };
  const Case cases[] = {
      {"", ""},
      {" ", ""},
      {" SIZE=10", "[SIZE=10]"},
      {" SIZE=10 SMTPUTF8", "[SIZE=10][SMTPUTF8]"},
      {"  SIZE=10   BODY=7BIT  ", "[SIZE=10][BODY=7BIT]"},
      {" AUTH=<>", "[AUTH=<>]"},
      {" ORCPT=rfc822;a+2Bb@c", "[ORCPT=rfc822;a+2Bb@c]"},
      {" X-1=\xC3\xB6", "[X-1=\xC3\xB6]"},
      {"SIZE=10", "error"},  // no space before it
      {" SIZE=", "error"},
      {" =10", "error"},
      {" -A=1", "error"},
      {" A_B=1", "error"},
      {" SIZE=1=2", "error"},
      {" SIZE=1\t", "error"},
      {" SIZE=\xC3", "error"},
      {" SIZE=1 size=2", "error"},  // twice
      {std::string(" A=\0", 4), "error"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parsed(c.text), c.want);
  }
}

TEST(Xtext, Decodes) {
  EXPECT_EQ(decode_xtext("abc"), "abc");
  EXPECT_EQ(decode_xtext("a+2Bb+3D"), "a+b=");
  EXPECT_EQ(decode_xtext(""), "");
  for (const char* bad : {"a=b", "a b", "+", "+2", "+2b", "+GG", "a\x7F", "\xC3\xB6"})
    EXPECT_EQ(decode_xtext(bad), std::nullopt) << bad;
}

TEST(Notify, IsNeverOrAListOfConditions) {
  EXPECT_EQ(parse_notify("NEVER"), "NEVER");
  EXPECT_EQ(parse_notify("success"), "SUCCESS");
  EXPECT_EQ(parse_notify("Failure,DELAY"), "FAILURE,DELAY");
  EXPECT_EQ(parse_notify("SUCCESS,FAILURE,DELAY"), "SUCCESS,FAILURE,DELAY");
  for (const char* bad : {"", ",", "NEVER,SUCCESS", "SUCCESS,", ",DELAY", "SUCCESS,SUCCESS",
                          "MAYBE", "SUCCESS DELAY"})
    EXPECT_EQ(parse_notify(bad), std::nullopt) << bad;
}

TEST(Orcpt, IsATypeAndAnXtextAddress) {
  EXPECT_TRUE(is_orcpt("rfc822;a@b", false));
  EXPECT_TRUE(is_orcpt("rfc822;a+2Bb@c", false));
  EXPECT_TRUE(is_orcpt("x400;what+20ever", false));
  EXPECT_TRUE(is_orcpt("utf-8;\\x{F6}@b", false));
  EXPECT_TRUE(is_orcpt("utf-8;\xC3\xB6@b", true));
  EXPECT_TRUE(is_orcpt("rfc822;" + std::string(493, 'a'), false));
  for (const std::string& bad : {std::string("rfc822"), std::string(";a@b"), std::string("rfc822;"),
                                 std::string("rfc822;a+zz"), std::string("utf-8;\xC3\xB6@b"),
                                 std::string("rf c;a"), "rfc822;" + std::string(494, 'a')})
    EXPECT_FALSE(is_orcpt(bad, false)) << bad;
  EXPECT_FALSE(is_orcpt("rfc822;\xC3\xB6@b", true));
  EXPECT_FALSE(is_orcpt("utf-8;\xC3@b", true));
}

TEST(RetAndEnvid, AreChecked) {
  EXPECT_EQ(parse_ret("full"), "FULL");
  EXPECT_EQ(parse_ret("HDRS"), "HDRS");
  EXPECT_EQ(parse_ret("SOME"), std::nullopt);
  EXPECT_TRUE(is_envid("QQ314159"));
  EXPECT_TRUE(is_envid("a+2Bb"));
  EXPECT_TRUE(is_envid(std::string(100, 'a')));
  EXPECT_FALSE(is_envid(""));
  EXPECT_FALSE(is_envid("a+0Ab"));  // a line feed
  EXPECT_FALSE(is_envid(std::string(101, 'a')));
}

TEST(Base64, RoundTripsAndIsStrict) {
  for (std::size_t bytes = 0; bytes < 20; ++bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(i * 37 + 200);
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  for (const char* bad : {"Zm9", "Zm9v=", "Zm9vYg=", "Zm 9", "Zm9v\n",
                          "====", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Z-_9"})
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace everpost::node::smtp
