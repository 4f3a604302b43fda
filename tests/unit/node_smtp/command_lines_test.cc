#include "node/smtp/syntax/command_lines.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

using Kind = CommandLines::Kind;

// What is found in `input` when it arrives in pieces of `step` bytes, as a connection hands it
// over.
std::vector<std::string> found(std::string_view input, std::size_t step) {
  CommandLines lines;
  std::vector<std::string> all;
  std::string buffered;
  while (true) {
    const CommandLines::Next next = lines.next(buffered);
    if (next.kind == Kind::kLine) all.emplace_back(next.line);
    if (next.kind == Kind::kTooLong) all.emplace_back("too long");
    if (next.kind == Kind::kBareNewline) all.emplace_back("bare newline");
    buffered.erase(0, next.consumed);
    if (next.kind != Kind::kIncomplete) continue;
    if (input.empty()) return all;
    buffered += input.substr(0, step);
    input.remove_prefix(std::min(step, input.size()));
  }
}

TEST(CommandLines, OnlyCrLfEndsALineHoweverTheInputIsCut) {
  struct Case {
    const char* name;
    std::string input;
    std::vector<std::string> want;
  };
  const Case cases[] = {
      {"a line", "NOOP\r\n", {"NOOP"}},
      {"two lines", "NOOP\r\nQUIT\r\n", {"NOOP", "QUIT"}},
      {"an empty line", "\r\nQUIT\r\n", {"", "QUIT"}},
      {"no end yet", "NOOP", {}},
      {"half an end", "NOOP\r", {}},
      {"a bare LF is told at once", "NOOP\n", {"bare newline"}},
      {"and what follows it is never a command",
       "NOOP\nQUIT\r\nRSET\r\n",
       {"bare newline", "RSET"}},
      {"several bare LFs are one fault", "a\nb\nc\r\nRSET\r\n", {"bare newline", "RSET"}},
      {"LF first", "\nQUIT\r\nRSET\r\n", {"bare newline", "RSET"}},
      {"a bare CR", "NO\rOP\r\nRSET\r\n", {"bare newline", "RSET"}},
      {"CR CR LF", "NOOP\r\r\nRSET\r\n", {"bare newline", "RSET"}},
      {"a CRLF behind a bare LF", "\n\r\nRSET\r\n", {"bare newline", "RSET"}},
  };
  for (const Case& c : cases) {
    for (std::size_t step = 1; step <= c.input.size(); ++step) {
      SCOPED_TRACE(std::string(c.name) + ", in steps of " + std::to_string(step));
      EXPECT_EQ(found(c.input, step), c.want);
    }
  }
}

TEST(CommandLines, ALineThatIsTooLongIsToldOnceAndDroppedToItsEnd) {
  const std::string longest(kAuthLineBytes - 2, 'x');
  const std::string too_long(kAuthLineBytes - 1, 'x');
  for (const std::size_t step : {std::size_t{1000}, std::size_t{12287}, std::size_t{1} << 20}) {
    SCOPED_TRACE(step);
    EXPECT_EQ(found(longest + "\r\nRSET\r\n", step), (std::vector<std::string>{longest, "RSET"}));
    EXPECT_EQ(found(too_long + "\r\nRSET\r\n", step),
              (std::vector<std::string>{"too long", "RSET"}));
    EXPECT_EQ(found(std::string(100'000, 'x') + "\r\nRSET\r\n", step),
              (std::vector<std::string>{"too long", "RSET"}));
  }
}

TEST(CommandLines, AnEndlessLineIsNotKept) {
  CommandLines lines;
  const std::string piece(kAuthLineBytes + 1, 'x');
  EXPECT_EQ(lines.next(piece).kind, Kind::kTooLong);
  for (int i = 0; i < 10; ++i) {
    const auto next = lines.next(piece);
    EXPECT_EQ(next.kind, Kind::kIncomplete);
    EXPECT_EQ(next.consumed, piece.size());
  }
}

}  // namespace
}  // namespace everpost::node::smtp
