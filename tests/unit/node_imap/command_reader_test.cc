#include "node/imap/syntax/command_reader.h"

#include <gtest/gtest.h>

#include "tests/unit/node_imap/describe.h"

namespace everpost::node::imap {
namespace {

// The events of these bytes, fed in pieces; a message's bytes are passed over.
std::vector<std::string> events(std::string_view bytes, std::size_t piece = SIZE_MAX,
                                CommandReader::Limits limits = {}) {
  CommandReader reader;
  reader.set_limits(limits);
  std::vector<std::string> result;
  std::uint64_t message = 0;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    while (!input.empty()) {
      std::size_t taken = 0;
      if (message > 0) {
        taken = static_cast<std::size_t>(std::min<std::uint64_t>(message, input.size()));
        message -= taken;
        input.remove_prefix(taken);
        bytes.remove_prefix(taken);
        continue;
      }
      const auto event = reader.feed(input, taken);
      input.remove_prefix(taken);
      bytes.remove_prefix(taken);
      if (const auto* command = std::get_if<Command>(&event))
        result.push_back(command->tag + " " + describe(command->arguments));
      else if (const auto* append = std::get_if<CommandReader::Message>(&event)) {
        result.push_back(append->command.tag + " " + describe(append->command.arguments));
        message = std::get<AppendCommand>(append->command.arguments).bytes;
      } else if (const auto* error = std::get_if<SyntaxError>(&event))
        result.push_back(error->tag + (error->no ? " NO " : " BAD ") + error->response);
      else if (std::holds_alternative<CommandReader::Continue>(event))
        result.emplace_back("+");
      else if (std::holds_alternative<CommandReader::GiveUp>(event)) {
        result.emplace_back("give up");
        return result;
      }
    }
  }
  if (reader.in_command()) result.emplace_back("...");
  return result;
}

using Events = std::vector<std::string>;

TEST(CommandReader, CutsCommandsHoweverTheyArrive) {
  const std::string_view bytes =
      "a NOOP\r\n"
      "b LOGIN {3}\r\nann {6+}\r\nsecret\r\n"
      "\r\n"
      "c SELECT \"a\"\n"
      "d APPEND a {5}\r\nhello\r\n"
      "e LOGIN {0}\r\n {0+}\r\n\r\n"
      "f NO";
  for (const std::size_t piece : {1, 2, 3, 7, 1000})
    EXPECT_EQ(events(bytes, piece), (Events{"a noop", "+", "b login ann secret", "c select a",
                                            "d append a () 5", "+", "e login  ", "..."}))
        << piece;
}

TEST(CommandReader, RefusesALiteralBeforeItIsSent) {
  EXPECT_EQ(events("a LOGIN {2000000}\r\nb NOOP\r\n"),
            (Events{"a NO [TOOBIG] too many or too large literals", "b noop"}));
  EXPECT_EQ(events("a LOGIN {99999999999999999999}\r\nb NOOP\r\n"),
            (Events{"a NO [TOOBIG] too many or too large literals", "b noop"}));
}

TEST(CommandReader, ReadsPastALiteralThatIsSentAnyway) {
  const CommandReader::Limits limits{
      .line_bytes = 100, .command_bytes = 200, .literals = 3, .skip_bytes = 1000};
  const std::string literal(300, 'x');
  // What is in it is no command.
  const std::string bytes = "a LOGIN {304+}\r\n\r\nb " + literal + " {5+}\r\nhello\r\nc NOOP\r\n";
  for (const std::size_t piece : {1, 3, 1000})
    EXPECT_EQ(events(bytes, piece, limits),
              (Events{"a NO [TOOBIG] too many or too large literals", "c noop"}));
}

TEST(CommandReader, GivesUpWhenThereIsTooMuchToReadPast) {
  const CommandReader::Limits limits{
      .line_bytes = 100, .command_bytes = 200, .literals = 3, .skip_bytes = 1000};
  EXPECT_EQ(events("a LOGIN {1001+}\r\n", SIZE_MAX, limits), Events{"give up"});
  EXPECT_EQ(events(std::string(2000, 'x'), 10, limits), Events{"give up"});
}

TEST(CommandReader, RefusesALongLineWithItsTag) {
  const CommandReader::Limits limits{
      .line_bytes = 100, .command_bytes = 200, .literals = 3, .skip_bytes = 1000};
  const std::string line = "tag SELECT " + std::string(200, 'x');
  for (const std::size_t piece : {1, 50, 1000}) {
    EXPECT_EQ(events(line + "\r\nb NOOP\r\n", piece, limits),
              (Events{"tag BAD [TOOBIG] the line is too long", "b noop"}));
    EXPECT_EQ(events(line + "{12+}\r\nhello\r\nworld\r\nb NOOP\r\n", piece, limits),
              (Events{"tag BAD [TOOBIG] the line is too long", "b noop"}));
    EXPECT_EQ(events(line + "{12}\r\nb NOOP\r\n", piece, limits),
              (Events{"tag BAD [TOOBIG] the line is too long", "b noop"}));
  }
}

TEST(CommandReader, BoundsTheNumberOfLiterals) {
  const CommandReader::Limits limits{
      .line_bytes = 100, .command_bytes = 200, .literals = 3, .skip_bytes = 1000};
  EXPECT_EQ(events("a LIST \"\" ({1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx)\r\nb NOOP\r\n", SIZE_MAX,
                   limits),
            (Events{"a NO [TOOBIG] too many or too large literals", "b noop"}));
}

TEST(CommandReader, RefusesAnImpossibleAppendBeforeItsMessage) {
  EXPECT_EQ(events("a APPEND b&c {10}\r\nb NOOP\r\n").back(), "b noop");
  EXPECT_EQ(events("a APPEND x (\\Foo) {6+}\r\nc NOOP\r\nb NOOP\r\n"),
            (Events{"a BAD no such system flag", "b noop"}));
}

}  // namespace
}  // namespace everpost::node::imap
