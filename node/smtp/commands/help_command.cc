// HELP (RFC 5321 §4.1.1.8).
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step help(Session& session, std::string_view arguments) {
  if (!arguments.empty()) {
    const Command* command = find_command(arguments, session.settings.flavour);
    if (!command) return client_error(session, 504, "5.5.4", "No help on that");
    return answer(214, "2.0.0",
                  std::string(command->name) + (command->arguments.empty() ? "" : " ") +
                      std::string(command->arguments));
  }
  std::vector<std::string> lines = {"2.0.0 Commands:"};
  std::string names = "2.0.0";
  for (const Command& command : commands())
    if (session.is(Flavour::kLmtp) ? command.lmtp : command.smtp)
      names += " " + std::string(command.name);
  lines.push_back(std::move(names));
  Step step;
  step.reply = multi_line(214, lines);
  return step;
}

}  // namespace everpost::node::smtp
