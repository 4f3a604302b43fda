// The character classes of SMTP's grammar.
#pragma once

#include <cstddef>
#include <string_view>

namespace everpost::node::smtp {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_let_dig(char c) { return is_letter(c) || is_digit(c); }
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

constexpr bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (!is_ascii(c)) return false;
  return true;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_upper(a[i]) != to_upper(b[i])) return false;
  return true;
}

// RFC 5322 §3.2.3 atext, without RFC 6531's UTF-8.
constexpr bool is_atext(char c) {
  return is_let_dig(c) || (c != '\0' && std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c));
}

// Well-formed UTF-8 (RFC 3629 §4): no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

}  // namespace everpost::node::smtp
