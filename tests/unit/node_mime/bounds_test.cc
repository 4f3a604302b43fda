// What a message cannot make a summary do.

#include <gtest/gtest.h>

#include "node/mime/summary.h"

namespace everpost::node::mime {
namespace {

std::size_t count(const Part& part) {
  std::size_t parts = 1;
  for (const Part& child : part.children) parts += count(child);
  return parts;
}
std::size_t depth(const Part& part) {
  std::size_t deepest = 0;
  for (const Part& child : part.children) deepest = std::max(deepest, depth(child));
  return deepest + 1;
}
void expect_storable(const Summary& summary) {
  const std::string stored = encode(summary);
  EXPECT_LE(stored.size(), kSummaryBytesMax);
  const Result<Summary> decoded = decode(as_bytes(stored));
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(*decoded, summary);
}

TEST(Bounds, PartsBeyondTheLimitAreNotListed) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) message += "--b\r\n\r\nx\r\n";
  const Summary summary = summarize(message);
  EXPECT_LE(count(summary.root), kPartsMax);
  EXPECT_GE(count(summary.root), 9'000U);
  EXPECT_EQ(summary.root.body_at + summary.root.body_bytes, message.size());
  expect_storable(summary);
}

TEST(Bounds, LevelsBeyondTheLimitAreOpaque) {
  for (const char* kind : {"multipart/mixed; boundary=", "message/rfc822; x="}) {
    std::string message;
    for (int i = 0; i < 1000; ++i) {
      const std::string level = std::to_string(i);
      message += "Content-Type: " + (kind + level) + "\r\n\r\n";
      if (kind[1] == 'u') message += "--" + level + "\r\n";
    }
    const Summary summary = summarize(message);
    EXPECT_EQ(depth(summary.root), kLevelsMax);
    expect_storable(summary);
  }
}

TEST(Bounds, LongValuesAreCut) {
  const std::string message =
      "Subject: " + std::string(2 << 20, 'x') + "\r\n" + "In-Reply-To: y\r\n\r\nhello\r\n";
  const Summary summary = summarize(message);
  ASSERT_TRUE(summary.envelope.subject);
  EXPECT_EQ(summary.envelope.subject->size(), kValueBytesMax);
  EXPECT_FALSE(summary.envelope.in_reply_to);  // behind the first MiB
  EXPECT_EQ(summary.root.body_bytes, 7U);
  expect_storable(summary);
}

TEST(Bounds, AddressesBeyondTheLimitAreLeftOut) {
  std::string message = "To: a@b";
  for (int i = 0; i < 20'000; ++i) message += ", \"A\" <a" + std::to_string(i) + "@example.org>";
  const Summary summary = summarize(message + "\r\nCc: " + message + "\r\n\r\n");
  EXPECT_LE(summary.envelope.to.size() + summary.envelope.cc.size(), kAddressesMax);
  EXPECT_GE(summary.envelope.to.size(), 1'000U);
  expect_storable(summary);
}

TEST(Bounds, TheSumOfAllIsBoundedToo) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 5000; ++i) {
    message += "--b\r\nContent-Description: " + std::string(997, 'd') + "\r\nContent-Type: x/y";
    for (int j = 0; j < 50; ++j) message += "; p" + std::to_string(j) + "=\"\xff\xfe\"";
    message += "\r\n\r\n";
  }
  expect_storable(summarize(message));
}

TEST(Bounds, ParametersBeyondTheLimitAreLeftOut) {
  std::string message = "Content-Type: x/y";
  for (int i = 0; i < 100'000; ++i) message += ";a=b";
  EXPECT_EQ(summarize(message + "\r\n\r\n").root.parameters.size(), 100U);
}

}  // namespace
}  // namespace everpost::node::mime
