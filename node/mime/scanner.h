// Finds the parts of a message and where they are, in one pass over its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/mime/budget.h"
#include "node/mime/input.h"
#include "node/mime/summary.h"

namespace everpost::node::mime {

class Scanner {
 public:
  explicit Scanner(Input& input) : input_(input) {}

  // The whole message. If reading failed, the result is not worth anything.
  Summary scan();

 private:
  // Why a part's body ended: at a delimiter line of an enclosing multipart, or with the message.
  struct Stop {
    static constexpr std::size_t kEndOfMessage = SIZE_MAX;
    std::size_t level = kEndOfMessage;  // which of boundaries_
    bool closing = false;               // "--boundary--"
    std::uint64_t content_end = 0;      // where what the delimiter ends, ends
    std::uint64_t lines = 0;            // line endings before content_end
    unsigned ending_bytes = 0;          // of the delimiter line's own line ending
  };
  struct Delimiter {
    std::size_t level = 0;
    bool closing = false;
  };

  // From the current line on; afterwards the position is behind the delimiter line, or at the end.
  Stop scan_part(Part& part, Envelope* envelope, bool in_digest, std::size_t depth);
  std::optional<Stop> scan_header(Part& part, Envelope* envelope, bool in_digest);
  Stop scan_multipart(Part& part, std::string boundary, std::size_t depth);
  // `ending_bytes`: of the line ending just before, where a delimiter may take it for its own.
  Stop scan_body(unsigned ending_bytes = 0);
  Stop count_lines_to_end();

  void open_boundary(std::string boundary);
  void close_boundaries(std::size_t level);  // this one and those inside
  std::optional<Delimiter> match_delimiter(std::string_view line) const;
  Stop stop_at(const Delimiter& delimiter, unsigned ending_bytes);
  // The window from the current position on, long enough to tell what the line is. Bytes before
  // `keep` may leave the window.
  std::string_view line_start(std::uint64_t keep);
  // Moves to the next line's beginning if the window reaches that far (true), else to its end.
  bool pass_line();
  // To the next line's beginning; returns the length of the line ending passed, 0 at the end of
  // the message. The line leaves the window.
  unsigned skip_line();

  Input& input_;
  Budget budget_;
  std::uint64_t at_ = 0;                 // a line's beginning
  std::uint64_t lines_ = 0;              // line endings before at_
  char before_ = 0;                      // the byte before at_, kept by pass_line()
  unsigned ending_bytes_ = 0;            // of the line ending that pass_line() passed last
  std::vector<std::string> boundaries_;  // of the open multiparts, outermost first
  std::vector<std::size_t> sorted_;      // their levels, in the boundaries' order
};

}  // namespace everpost::node::mime
