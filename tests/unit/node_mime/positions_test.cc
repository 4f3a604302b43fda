// Where parts are, and how sections find them.

#include <gtest/gtest.h>
#include <random>

#include "node/mime/summary.h"

namespace everpost::node::mime {
namespace {

std::string_view body(std::string_view message, const Part& part) {
  return message.substr(part.body_at, part.body_bytes);
}
std::string_view header(std::string_view message, const Part& part) {
  return message.substr(part.header_at, part.header_bytes);
}

// The message of RFC 3501 §6.4.5's example, its bodies told by their numbers.
const std::string kExample =
    "Content-Type: multipart/mixed; boundary=0\r\n\r\n"
    "--0\r\n\r\nbody 1\r\n"
    "--0\r\nContent-Type: application/octet-stream\r\n\r\nbody 2\r\n"
    "--0\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: 3\r\nContent-Type: multipart/mixed; boundary=3\r\n\r\n"
    "--3\r\n\r\nbody 3.1\r\n"
    "--3\r\nContent-Type: application/octet-stream\r\n\r\nbody 3.2\r\n"
    "--3--\r\n"
    "--0\r\nContent-Type: multipart/mixed; boundary=4\r\n\r\n"
    "--4\r\nContent-Type: image/gif\r\n\r\nbody 4.1\r\n"
    "--4\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: 4.2\r\nContent-Type: multipart/mixed; boundary=42\r\n\r\n"
    "--42\r\n\r\nbody 4.2.1\r\n"
    "--42\r\nContent-Type: multipart/alternative; boundary=422\r\n\r\n"
    "--422\r\n\r\nbody 4.2.2.1\r\n"
    "--422\r\nContent-Type: text/richtext\r\n\r\nbody 4.2.2.2\r\n"
    "--422--\r\n"
    "--42--\r\n"
    "--4--\r\n"
    "--0--\r\n";

TEST(FindPart, FollowsTheExampleOfRfc3501) {
  const Summary summary = summarize(kExample);
  struct Case {
    std::vector<std::uint32_t> numbers;
    const char* want;  // nullptr: no such part
  };
  const Case cases[] = {
      {{1}, "body 1"},
      {{2}, "body 2"},
      {{3, 1}, "body 3.1"},
      {{3, 2}, "body 3.2"},
      {{4, 1}, "body 4.1"},
      {{4, 2, 1}, "body 4.2.1"},
      {{4, 2, 2, 1}, "body 4.2.2.1"},
      {{4, 2, 2, 2}, "body 4.2.2.2"},
      {{0}, nullptr},
      {{5}, nullptr},
      {{1, 1}, nullptr},
      {{3, 1, 1}, nullptr},
      {{3, 3}, nullptr},
      {{4, 2, 2, 3}, nullptr},
      {{4, 4294967295U}, nullptr},
  };
  for (const Case& c : cases) {
    const Part* part = find_part(summary, c.numbers);
    ASSERT_EQ(part != nullptr, c.want != nullptr) << testing::PrintToString(c.numbers);
    if (part) EXPECT_EQ(body(kExample, *part), c.want);
  }
}

TEST(FindPart, OfAMessageThatIsNoMultipart) {
  const Summary summary = summarize("Subject: x\r\n\r\nhello");
  EXPECT_EQ(find_part(summary, {}), &summary.root);
  EXPECT_EQ(find_part(summary, std::vector<std::uint32_t>{1}), &summary.root);
  EXPECT_EQ(find_part(summary, std::vector<std::uint32_t>{2}), nullptr);
  EXPECT_EQ(find_part(summary, std::vector<std::uint32_t>{1, 1}), nullptr);
}

TEST(FindPart, OfAMessageInAMessage) {
  const std::string message =
      "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
      "x\r\n\r\nhi";
  const Summary summary = summarize(message);
  const auto text = [&](std::vector<std::uint32_t> numbers) {
    const Part* part = find_part(summary, numbers);
    return part ? std::string(body(message, *part)) : "none";
  };
  EXPECT_EQ(text({1}), "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhi");
  EXPECT_EQ(text({1, 1}), "Subject: x\r\n\r\nhi");
  EXPECT_EQ(text({1, 1, 1}), "hi");
  EXPECT_EQ(text({1, 1, 1, 1}), "none");
}

TEST(Positions, HeadersEndWithTheEmptyLine) {
  const Summary summary = summarize(kExample);
  EXPECT_EQ(header(kExample, summary.root), "Content-Type: multipart/mixed; boundary=0\r\n\r\n");
  const Part* part = find_part(summary, std::vector<std::uint32_t>{4, 2});
  ASSERT_TRUE(part);
  EXPECT_EQ(header(kExample, *part), "Content-Type: message/rfc822\r\n\r\n");
  ASSERT_EQ(part->children.size(), 1U);
  EXPECT_EQ(header(kExample, part->children[0]),
            "Subject: 4.2\r\nContent-Type: multipart/mixed; boundary=42\r\n\r\n");
}

TEST(Positions, AMultipartsBodyHasPreambleAndEpilogue) {
  const std::string message =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\nx\r\n--b--\r\nepi\r\n";
  const Summary summary = summarize(message);
  EXPECT_EQ(body(message, summary.root), "pre\r\n--b\r\n\r\nx\r\n--b--\r\nepi\r\n");
  EXPECT_EQ(summary.root.body_lines, 6U);
}

TEST(Positions, AnInnerMultipartEndsBeforeTheLineEndingOfTheOuterBoundary) {
  const std::string message =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n--b--\r\n";
  const Summary summary = summarize(message);
  ASSERT_EQ(summary.root.children.size(), 1U);
  EXPECT_EQ(body(message, summary.root.children[0]), "--i\r\n\r\nx\r\n--i--");
}

// The parts in a part lie in its body, in order; header and body of a part are neighbours.
void expect_contained(const Part& part, std::uint64_t begin, std::uint64_t end) {
  ASSERT_GE(part.header_at, begin);
  ASSERT_EQ(part.header_at + part.header_bytes, part.body_at);
  ASSERT_LE(part.body_at + part.body_bytes, end);
  std::uint64_t at = part.body_at;
  for (const Part& child : part.children) {
    ASSERT_NO_FATAL_FAILURE(expect_contained(child, at, part.body_at + part.body_bytes));
    at = child.body_at + child.body_bytes;
  }
}

void expect_same_lines(std::string_view message, const Part& part) {
  const std::string_view text = body(message, part);
  ASSERT_EQ(part.body_lines,
            static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
  for (const Part& child : part.children)
    ASSERT_NO_FATAL_FAILURE(expect_same_lines(message, child));
}

// Messages put together at random from what gives structure.
std::string random_message(std::mt19937& random) {
  static const std::string kPieces[] = {
      "Content-Type: multipart/mixed; boundary=a\r\n",
      "Content-Type: multipart/digest; boundary=aa\n",
      "Content-Type: message/rfc822\r\n",
      "Subject: x\r\n",
      "\r\n",
      "\r\n",
      "\n",
      "--a\r\n",
      "--a--\r\n",
      "--aa\r\n",
      "--aa--\r\n",
      "--a",
      "text\r\n",
      "text",
      "\r",
      " ",
      std::string(300, 'y'),
  };
  std::string message;
  std::uniform_int_distribution<std::size_t> pick(0, std::size(kPieces) - 1);
  for (int i = 0; i < 60; ++i) message += kPieces[pick(random)];
  return message;
}

TEST(Positions, OfAnyMessageNestAndCountItsLines) {
  std::mt19937 random(4711);
  for (int i = 0; i < 2000; ++i) {
    const std::string message = random_message(random);
    const Summary summary = summarize(message);
    SCOPED_TRACE(message);
    ASSERT_EQ(summary.root.body_at + summary.root.body_bytes, message.size());
    ASSERT_NO_FATAL_FAILURE(expect_contained(summary.root, 0, message.size()));
    ASSERT_NO_FATAL_FAILURE(expect_same_lines(message, summary.root));
  }
}

TEST(Summarize, ReadsPieceByPieceWhatItReadsFromMemory) {
  // Parts and long lines across the edges of the chunks that are read.
  std::string message = "Subject: " + std::string(700'000, 's') +
                        "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 40; ++i)
    message += "--b\r\nContent-Description: part " + std::to_string(i) + "\r\n\r\n" +
               std::string(static_cast<std::size_t>(i) * 7919, 'z') + "\r\n" +
               std::string(29'989, '-') + "\r\n";
  message += "--b--\r\n";
  std::uint64_t reads = 0;
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    std::memcpy(to.data(), message.data() + offset, to.size());
    ++reads;
    return {};
  };
  const Result<Summary> pieces = summarize(message.size(), read);
  ASSERT_TRUE(pieces);
  EXPECT_EQ(*pieces, summarize(message));
  EXPECT_EQ(pieces->root.children.size(), 40U);
  EXPECT_GT(reads, 20U);
}

TEST(Summarize, ReportsWhatReadingReports) {
  const ReadAt read = [](std::uint64_t, std::span<std::byte>) -> Result<void> {
    return Error{ErrorCode::kCorrupt, "bad checksum"};
  };
  const Result<Summary> summary = summarize(1000, read);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace everpost::node::mime
