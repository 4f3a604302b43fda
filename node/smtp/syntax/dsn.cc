#include "node/smtp/syntax/dsn.h"

#include <algorithm>

#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

constexpr std::size_t kEnvidBytesMax = 100;  // RFC 3461 §4.4
constexpr std::size_t kOrcptBytesMax = 500;  // RFC 3461 §4.2

int hex_digit(char c) {  // upper case only (RFC 3461 §4)
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), to_upper);
  return result;
}

}  // namespace

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '+') {
      if (text.size() - at < 3) return std::nullopt;
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high << 4 | low);
      at += 2;
    } else if (c < '!' || c > '~' || c == '=') {
      return std::nullopt;
    } else {
      decoded += c;
    }
  }
  return decoded;
}

std::optional<std::string> parse_notify(std::string_view value) {
  std::string notify = upper(value);
  if (notify == "NEVER") return notify;
  constexpr std::string_view kConditions[] = {"SUCCESS", "FAILURE", "DELAY"};
  bool seen[std::size(kConditions)] = {};
  std::string_view rest = notify;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const auto* const found = std::ranges::find(kConditions, rest.substr(0, comma));
    if (found == std::end(kConditions)) return std::nullopt;
    bool& mark = seen[found - std::begin(kConditions)];
    if (mark) return std::nullopt;
    mark = true;
    if (comma == rest.npos) return notify;
    rest.remove_prefix(comma + 1);
  }
}

bool is_orcpt(std::string_view value, bool utf8) {
  if (value.size() > kOrcptBytesMax) return false;
  const std::size_t semicolon = value.find(';');
  if (semicolon == value.npos) return false;
  const std::string_view type = value.substr(0, semicolon);  // RFC 3464 §2.1.2: an atom
  const std::string_view address = value.substr(semicolon + 1);
  if (type.empty() || !std::ranges::all_of(type, is_atext)) return false;
  if (address.empty()) return false;
  if (!utf8 || !equals_ignoring_case(type, "utf-8")) return decode_xtext(address).has_value();

  std::string ascii;
  for (const char c : address)
    if (is_ascii(c)) ascii += c;
  return is_utf8(address) && decode_xtext(ascii).has_value();
}

std::optional<std::string> parse_ret(std::string_view value) {
  std::string ret = upper(value);
  if (ret != "FULL" && ret != "HDRS") return std::nullopt;
  return ret;
}

bool is_envid(std::string_view value) {
  if (value.empty() || value.size() > kEnvidBytesMax) return false;
  const auto decoded = decode_xtext(value);
  return decoded && std::ranges::all_of(*decoded, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace everpost::node::smtp
