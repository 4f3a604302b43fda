// Header fields as they stand in a message: name, value, and the bytes of both (RFC 5322 §2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace everpost::node::mime {

struct Field {
  std::string_view name;   // without blanks before the colon; empty if the line is not a field
  std::string_view value;  // after the colon, still folded, with the last line's ending
  std::string_view all;    // everything, from the name to the last line's ending
};

// Goes through a header's fields in order, up to the empty line or the end. Lines end with LF, with
// or without a CR. A line that is neither a field nor the continuation of one is handed out with an
// empty name. The views point into `header`.
class FieldReader {
 public:
  explicit FieldReader(std::string_view header) : rest_(header) {}
  bool next(Field& field);

 private:
  std::string_view rest_;
};

// Where the colon of a line that begins with a field name is, or npos. Names are printable ASCII
// without blanks (RFC 5322 §2.2); blanks may stand before the colon (RFC 5322 §4.5, obs-optional).
std::size_t field_colon(std::string_view line);

// The value on one line: line endings go, the blanks that follow them stay (RFC 5322 §2.2.3),
// outer blanks go. A NUL, which no IMAP string may hold (RFC 3501 §9, CHAR8), becomes '?'.
// Of more than `bytes_max` bytes the first ones.
std::string unfold(std::string_view value, std::size_t bytes_max = SIZE_MAX);

bool equal_fold(std::string_view a, std::string_view b);  // ASCII letters without case

}  // namespace everpost::node::mime
