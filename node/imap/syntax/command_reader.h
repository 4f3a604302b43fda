// Cuts a client's bytes into commands: lines, and the literals that they announce (RFC 3501 §4.3,
// RFC 7888). Bounded whatever comes: no memory is taken for what has only been announced.
//
// A command that is refused is read to its end first (the client may be sending already), so that
// its rest is not taken for commands; with a synchronising literal the refusal itself ends it.
// A line may end in a bare LF: nothing follows from a line's ending here that could be smuggled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "node/imap/syntax/command.h"
#include "node/imap/syntax/cursor.h"

namespace everpost::node::imap {

class CommandReader {
 public:
  struct Limits {
    std::size_t line_bytes = 64 << 10;
    std::size_t command_bytes = 1 << 20;  // with its literals; APPEND's message is not one of them
    std::size_t literals = 100;
    std::uint64_t skip_bytes = 64 << 20;  // of a refused command; more ends the session
  };

  struct NeedInput {};  // everything was taken, nothing is complete yet
  struct Continue {};   // the client waits with its literal: send "+", then feed the rest
  struct Message {      // APPEND: its message's bytes come next and are the caller's to read, then
    Command command;    // the end of the line; after that, feed again
  };
  struct GiveUp {};  // more was announced than we are willing to skip: say BYE
  using Event = std::variant<NeedInput, Continue, Command, Message, SyntaxError, GiveUp>;

  CommandReader() = default;
  void set_limits(const Limits& limits) { limits_ = limits; }

  // Takes bytes from the front of `input`, up to the first event; `taken` says how many.
  Event feed(std::string_view input, std::size_t& taken);

  // Has a command begun that is not complete?
  bool in_command() const { return mode_ != Mode::kLine || !bytes_.empty(); }

 private:
  enum class Mode { kLine, kLiteral, kSkipLine, kSkipLiteral };

  std::optional<Event> take_line(std::string_view chunk, bool ends);
  std::optional<Event> line_done();
  std::optional<Event> skipped_line_done();
  Event refuse(SyntaxError error);
  std::optional<Event> skip_literal(std::uint64_t bytes);
  void reset();

  Limits limits_;
  Mode mode_ = Mode::kLine;
  std::string bytes_;           // of the command so far; while skipping, the end of the line
  std::size_t line_start_ = 0;  // in bytes_
  std::uint64_t literal_ = 0;   // bytes of the literal that are still to come
  std::size_t literals_ = 0;    // that the command has had
  std::uint64_t skipped_ = 0;   // bytes of a refused command
  std::optional<SyntaxError> refusal_;
};

}  // namespace everpost::node::imap
