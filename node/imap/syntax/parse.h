// One command's bytes to a Command. Pure; takes time in proportion to the bytes.
#pragma once

#include <expected>
#include <string_view>

#include "node/imap/syntax/command.h"

namespace everpost::node::imap {

// `bytes`: a whole command with its line ending, literals inline (cursor.h). Not APPEND's: see
// parse_append().
std::expected<Command, SyntaxError> parse_command(std::string_view bytes);

// APPEND up to the announcement of its message: `bytes` end with an announced literal whose bytes
// are not there.
struct AppendPrefix {
  enum class Kind {
    kNotAppend,  // another command, or a literal before the message: read on
    kMessage,    // `command` is complete, the message follows
    kError,      // `error`: not acceptable, whatever follows
  };
  Kind kind = Kind::kNotAppend;
  Command command;
  SyntaxError error;
};
AppendPrefix parse_append(std::string_view bytes);

// The command's tag, or "*" if it has none: what an error is answered with.
std::string tag_of(std::string_view bytes);

}  // namespace everpost::node::imap
