// What the bytes of a message mean: encoded-words, transfer encodings, charsets and dates, decoded
// by GMime, and text made comparable by ICU. For SEARCH, and for whoever shows mail to people.
//
// Callable from any thread. Nothing fails: what cannot be decoded, or is not UTF-8, stays as it is.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/mime/summary.h"

namespace everpost::node::mime {

// A field's unfolded value with its encoded-words (RFC 2047) decoded, in UTF-8.
std::string decode_header(std::string_view value);

// The day that a Date field names, as written: in the sender's time zone.
std::optional<std::chrono::sys_days> written_day(std::string_view date);

// The content of a part as text in UTF-8, piece by piece: its transfer encoding undone, its charset
// converted.
class TextDecoder {
 public:
  explicit TextDecoder(const Part& part);
  TextDecoder(TextDecoder&&) noexcept;
  ~TextDecoder();

  void feed(std::string_view piece, std::string& to);  // appended, here and below
  void finish(std::string& to);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Text that differs in case, width or composition only becomes the same: NFKC_Casefold (Unicode
// §3.13), of UTF-8, piece by piece.
class CaseFolder {
 public:
  void feed(std::string_view piece, std::string& to);
  void finish(std::string& to);

 private:
  std::string held_;  // the end of what was fed: the next piece may go on with the same character
};
std::string fold_case(std::string_view text);

}  // namespace everpost::node::mime
