// All commands: their names, the states that allow them, what runs them, and whether EXPUNGE
// responses may be sent while they do.
#pragma once

#include <string_view>

#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

enum class Expunges {
  // RFC 3501 §7.4.1: not with FETCH, STORE and SEARCH, whose answers name sequence numbers. Nor
  // with COPY, for a client may send COPY and FETCH in one go (§5.5).
  kNever,
  // If the client waits for the answer: with its next command on the way already, the numbers in
  // that one would no longer mean what they meant (§5.5).
  kWhenWaiting,
  kAlways,  // the client knows that these commands may change the numbers
};

struct CommandInfo {
  std::string_view name;
  bool before_login, after_login, selected_only;
  Expunges expunges, uid_expunges;  // the latter for its UID form
  Task<Reply> (*run)(Session& session, CommandArguments arguments);
};

const CommandInfo& info_of(const CommandArguments& arguments);
std::string_view name_of(const CommandArguments& arguments);  // for metrics and messages
// Is the command allowed in this state (RFC 3501 §3)?
bool allowed(const CommandInfo& info, State state);
Expunges expunges_of(const CommandArguments& arguments);

}  // namespace everpost::node::imap
