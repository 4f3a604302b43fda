// The coordinator's values are text, for people who look at them: one "name word [word]" a line,
// and a last line "crc" with the checksum of what is before it. docs/formats/coordinator.md.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster {

std::string with_crc(std::string lines);
// The lines before a valid "crc" line. Errors: kCorrupt.
Result<std::string_view> checked_lines(std::string_view text);

// Cuts the next word, up to a space or line end, off `text`.
std::string_view next_word(std::string_view& text);

template <class T>
std::optional<T> number_in(std::string_view word, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}
// 32 hex digits.
std::optional<Uuid> uuid_in(std::string_view word);

}  // namespace everpost::cluster
