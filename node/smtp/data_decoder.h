// The bytes of a message as they come over the wire, made into the message: the dots that SMTP adds
// are taken away, the end is found (RFC 5321 §4.5.2), and what is no text is noticed. Works on
// whatever pieces the network delivers, at the speed of memchr and memcpy.
//
// Only <CRLF>.<CRLF> ends a message. A CR or LF that is not part of a CRLF is a fault, never a line
// end: where two servers disagree about that, one's message can hide another message for the other
// (SMTP smuggling, CVE-2023-51764). After a fault the end is still looked for, to answer there.
#pragma once

#include <cstddef>
#include <string_view>

namespace everpost::node::smtp {

enum class DataFault {
  kNone,
  kBareCr,
  kBareLf,
  kLongLine,  // more than kTextLineBytes
};

class DataDecoder {
 public:
  enum class Framing {
    kDots,    // DATA: dot-stuffed, ended by <CRLF>.<CRLF>
    kChunks,  // BDAT: as it is; the caller knows its length
  };
  explicit DataDecoder(Framing framing) : framing_(framing) {}

  struct Piece {
    std::size_t consumed = 0;  // all of the input, unless the message has ended
    std::size_t produced = 0;
    bool ended = false;  // its end was found (kDots only)
  };
  // Writes the message's bytes to `to`: input.size() + 1 at most. Nothing is written if `to` is
  // null.
  Piece decode(std::string_view input, char* to);

  // kChunks: no more will come.
  void finish();

  DataFault fault() const { return fault_; }  // the first one

 private:
  enum class At {
    kLineStart,  // behind a CRLF, or at the very start
    kInLine,
    kCr,     // behind a CR that has been written
    kDot,    // behind a dot at the start of a line, which has not been written
    kDotCr,  // behind such a dot and a CR, neither of which has been written
  };

  void note(DataFault fault) {
    if (fault_ == DataFault::kNone) fault_ = fault;
  }

  const Framing framing_;
  At at_ = At::kLineStart;
  std::size_t line_bytes_ = 0;  // of the current line, in earlier pieces
  DataFault fault_ = DataFault::kNone;
};

}  // namespace everpost::node::smtp
