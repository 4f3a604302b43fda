#include "node/smtp/data_decoder.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

using Framing = DataDecoder::Framing;

struct Decoded {
  std::string text;
  DataFault fault = DataFault::kNone;
  bool ended = false;
  std::string rest;  // input behind the end
};

// Decodes `input` cut at `cuts`.
Decoded decode(std::string_view input, const std::vector<std::size_t>& cuts,
               Framing framing = Framing::kDots) {
  DataDecoder decoder(framing);
  Decoded decoded;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts.size() && !decoded.ended; ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : input.size();
    const std::string_view piece = input.substr(at, end - at);
    std::string to(piece.size() + 1, '?');
    const auto got = decoder.decode(piece, to.data());
    EXPECT_LE(got.produced, piece.size() + 1);
    decoded.text.append(to, 0, got.produced);
    decoded.ended = got.ended;
    at += got.consumed;
    if (!got.ended) EXPECT_EQ(at, end);
  }
  decoded.rest = input.substr(at);
  if (framing == Framing::kChunks) decoder.finish();
  decoded.fault = decoder.fault();
  return decoded;
}

// Whole, at every place where it can be cut, and byte by byte.
std::vector<std::vector<std::size_t>> every_cut(std::size_t bytes) {
  std::vector<std::vector<std::size_t>> all = {{}};
  for (std::size_t cut = 1; cut < bytes; ++cut) all.push_back({cut});
  std::vector<std::size_t> bytewise;
  for (std::size_t cut = 1; cut < bytes; ++cut) bytewise.push_back(cut);
  all.push_back(bytewise);
  return all;
}

TEST(DataDecoder, TakesDotsAwayWhereverTheInputIsCut) {
  struct Case {
    const char* name;
    std::string input;
    std::string want;
  };
  const Case cases[] = {
      {"nothing", ".\r\n", ""},
      {"a line", "hello\r\n.\r\n", "hello\r\n"},
      {"an empty line", "\r\n.\r\n", "\r\n"},
      {"a stuffed dot", "..\r\n.\r\n", ".\r\n"},
      {"several stuffed dots", "...a\r\n..b\r\n....\r\n.\r\n", "..a\r\n.b\r\n...\r\n"},
      {"a dot that was not stuffed", ".a\r\n.\r\n", "a\r\n"},
      {"dots within lines", "a.\r\nb.c\r\n..\r\n.\r\n", "a.\r\nb.c\r\n.\r\n"},
      {"lines after dots", "x\r\n..y\r\nz\r\n.\r\n", "x\r\n.y\r\nz\r\n"},
      {"eight bits and NUL", std::string("\xFF\0\x80\r\n.\r\n", 8),
       std::string("\xFF\0\x80\r\n", 5)},
  };
  for (const Case& c : cases) {
    for (const auto& cuts : every_cut(c.input.size())) {
      SCOPED_TRACE(std::string(c.name) +
                   (cuts.empty() ? "" : ", cut at " + std::to_string(cuts[0])));
      const Decoded decoded = decode(c.input, cuts);
      EXPECT_EQ(decoded.text, c.want);
      EXPECT_TRUE(decoded.ended);
      EXPECT_EQ(decoded.fault, DataFault::kNone);
    }
  }
}

TEST(DataDecoder, LeavesWhatFollowsTheEnd) {
  const std::string input = "hello\r\n.\r\nQUIT\r\n";
  for (const auto& cuts : every_cut(input.size())) EXPECT_EQ(decode(input, cuts).rest, "QUIT\r\n");
}

// Each way to end a message that some server somewhere takes for an end (CVE-2023-51764,
// CVE-2023-51765, CVE-2023-51766), and relatives. None of them ends it here, and all are faults.
TEST(DataDecoder, NothingButCrLfDotCrLfEndsAMessage) {
  const std::string ends[] = {
      "\n.\n",     "\n.\r\n", "\r\n.\n",   "\r.\r",       "\r.\r\n",   "\r\n.\r",   "\n.\r",
      "\r\n\r.\n", "\r.\n",   "\r\r\n.\n", "\r\n.\r\r\n", "\n\r.\r\n", "\n\n.\r\n",
  };
  for (const std::string& end : ends) {
    const std::string smuggled = "MAIL FROM:<evil@example>\r\n";
    const std::string input = "hello" + end + smuggled + ".\r\nNOOP\r\n";
    for (const auto& cuts : every_cut(input.size())) {
      SCOPED_TRACE(testing::PrintToString(end));
      const Decoded decoded = decode(input, cuts);
      EXPECT_NE(decoded.fault, DataFault::kNone);
      EXPECT_TRUE(decoded.ended);
      EXPECT_EQ(decoded.rest, "NOOP\r\n");
      EXPECT_NE(decoded.text.find("MAIL FROM"), std::string::npos);
    }
  }
}

TEST(DataDecoder, SaysWhichBareCharacterItFoundFirst) {
  struct Case {
    std::string input;
    DataFault want;
  };
  const Case cases[] = {
      {"a\nb\r\n.\r\n", DataFault::kBareLf},      {"a\rb\r\n.\r\n", DataFault::kBareCr},
      {"\n\r\n.\r\n", DataFault::kBareLf},        {"\r\r\n.\r\n", DataFault::kBareCr},
      {"a\r\n.\rb\r\n.\r\n", DataFault::kBareCr}, {"a\r\n..\r\n.\n\r\n.\r\n", DataFault::kBareLf},
      {"a\rb\nc\r\n.\r\n", DataFault::kBareCr},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.input));
    std::vector<std::size_t> bytewise;
    for (std::size_t cut = 1; cut < c.input.size(); ++cut) bytewise.push_back(cut);
    EXPECT_EQ(decode(c.input, bytewise).fault, c.want);
    EXPECT_NE(decode(c.input, {}).fault, DataFault::kNone);
    EXPECT_TRUE(decode(c.input, {}).ended);
  }
}

TEST(DataDecoder, LongLinesPassUpToTheLimit) {
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, kTextLineBytes / 2}) {
    const std::vector<std::size_t> cuts = cut == 0 ? std::vector<std::size_t>{} : std::vector{cut};
    const std::string longest = std::string(kTextLineBytes - 2, 'x') + "\r\n";
    EXPECT_EQ(decode(longest + ".\r\n", cuts).fault, DataFault::kNone);
    EXPECT_EQ(decode(longest + ".\r\n", cuts).text, longest);
    EXPECT_EQ(decode("x" + longest + ".\r\n", cuts).fault, DataFault::kLongLine);
    EXPECT_EQ(decode(longest + longest + longest + ".\r\n", cuts).fault, DataFault::kNone);
  }
}

TEST(DataDecoder, ChunksAreTakenAsTheyAre) {
  const std::string text = "a\r\n.\r\n..b\r\n.";
  for (const auto& cuts : every_cut(text.size())) {
    const Decoded decoded = decode(text, cuts, Framing::kChunks);
    EXPECT_EQ(decoded.text, text);
    EXPECT_FALSE(decoded.ended);
    EXPECT_EQ(decoded.fault, DataFault::kNone);
  }
}

TEST(DataDecoder, ChunksMayNotHoldBareNewlinesEither) {
  for (const std::string text : {"a\nb\r\n", "a\rb\r\n", "a\r\n\r", "\n", "\r"})
    for (const auto& cuts : every_cut(text.size()))
      EXPECT_NE(decode(text, cuts, Framing::kChunks).fault, DataFault::kNone)
          << testing::PrintToString(text);
}

TEST(DataDecoder, WritesNothingWithoutAPlaceForIt) {
  DataDecoder decoder(Framing::kDots);
  const auto got = decoder.decode("..a\r\n.\r\n", nullptr);
  EXPECT_EQ(got.produced, 4u);
  EXPECT_TRUE(got.ended);
}

}  // namespace
}  // namespace everpost::node::smtp
