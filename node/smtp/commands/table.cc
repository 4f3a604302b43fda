#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

// name, arguments, function, line length, in SMTP, in LMTP, idle
constexpr Command kCommands[] = {
    {"HELO", "name", helo, kCommandLineBytes, true, false, true},
    {"EHLO", "name", ehlo, kCommandLineBytes, true, false, true},
    {"LHLO", "name", lhlo, kCommandLineBytes, false, true, true},
    {"MAIL", "FROM:<address> [parameters]", mail, kMailLineBytes, true, true, true},
    {"RCPT", "TO:<address> [parameters]", rcpt, kMailLineBytes, true, true, false},
    {"DATA", "", data, kCommandLineBytes, true, true, false},
    {"BDAT", "bytes [LAST]", bdat, kCommandLineBytes, true, true, false},
    {"RSET", "", rset, kCommandLineBytes, true, true, true},
    {"NOOP", "[text]", noop, kCommandLineBytes, true, true, true},
    {"QUIT", "", quit, kCommandLineBytes, true, true, false},
    {"VRFY", "address", vrfy, kCommandLineBytes, true, true, true},
    {"EXPN", "list", expn, kCommandLineBytes, true, true, true},
    {"HELP", "[command]", help, kCommandLineBytes, true, true, true},
    {"STARTTLS", "", starttls, kCommandLineBytes, true, true, true},
    {"AUTH", "mechanism [initial-response]", auth, kAuthLineBytes, true, false, true},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name, Flavour flavour) {
  for (const Command& command : kCommands)
    if (equals_ignoring_case(command.name, name))
      return (flavour == Flavour::kLmtp ? command.lmtp : command.smtp) ? &command : nullptr;
  return nullptr;
}

}  // namespace everpost::node::smtp
