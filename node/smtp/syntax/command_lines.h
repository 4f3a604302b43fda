// Cuts what a client sends into command lines. Only CRLF ends a line (RFC 5321 §2.3.8); a line with
// a CR or LF elsewhere is refused as a whole, up to its CRLF, and nothing in it is ever taken for a
// command (SMTP smuggling, CVE-2023-51764).
#pragma once

#include <cstddef>
#include <string_view>

namespace everpost::node::smtp {

class CommandLines {
 public:
  enum class Kind {
    kLine,         // `line` is one, without its CRLF
    kTooLong,      // a line of more than kAuthLineBytes
    kBareNewline,  // a line with a CR or LF that is not part of a CRLF
    kIncomplete,   // more input is needed
  };
  struct Next {
    Kind kind;
    std::string_view line;
    std::size_t consumed;  // drop so much of the input before the next call
  };

  // Looks at the input that has not been consumed. A fault is told once, as soon as it shows (the
  // client may be waiting for an answer); the rest of its line is dropped by later calls.
  Next next(std::string_view input);

 private:
  Next drop(std::string_view input);

  bool dropping_ = false;
  bool dropped_cr_ = false;  // the last byte dropped was a CR
};

}  // namespace everpost::node::smtp
