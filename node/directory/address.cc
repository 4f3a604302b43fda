#include "node/directory/address.h"

#include <algorithm>

#include "node/directory/unicode.h"

namespace everpost::node {
namespace {

constexpr std::size_t kLocalBytesMax = 64;   // RFC 5321 §4.5.3.1.1
constexpr std::size_t kTextBytesMax = 1024;  // before quoting is undone; bounds all work below

Error invalid(std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, std::string(what)};
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

// RFC 5322 §3.2.3 atext, with RFC 6531 §3.3's UTF8-non-ascii.
bool is_atext(unsigned char c) {
  if (c >= 0x80) return true;
  if (c >= 'a' && c <= 'z') return true;
  if (c >= 'A' && c <= 'Z') return true;
  if (c >= '0' && c <= '9') return true;
  return std::string_view("!#$%&'*+-/=?^_`{|}~").contains(static_cast<char>(c));
}

// RFC 5321 §4.1.2 Dot-string.
bool is_dot_string(std::string_view text) {
  bool atom_started = false;
  for (const char c : text) {
    if (c == '.') {
      if (!atom_started) return false;
      atom_started = false;
    } else if (is_atext(static_cast<unsigned char>(c))) {
      atom_started = true;
    } else {
      return false;
    }
  }
  return atom_started;
}

// The shortest way to write `content` as a local part.
std::string as_local_part(std::string_view content) {
  if (is_dot_string(content)) return std::string(content);
  std::string quoted = "\"";
  for (const char c : content) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

// What a quoted string, from its opening quote on, holds; `end` is set behind the closing one.
// RFC 5321 §4.1.2 Quoted-string.
Result<std::string> unquote(std::string_view text, std::size_t& end) {
  std::string content;
  for (std::size_t at = 1; at < text.size(); ++at) {
    unsigned char c = static_cast<unsigned char>(text[at]);
    if (c == '"') {
      end = at + 1;
      return content;
    }
    if (c == '\\') {
      if (++at == text.size()) break;
      c = static_cast<unsigned char>(text[at]);
      if (c >= 0x80) return invalid("a backslash before a character that is not ASCII");
    }
    if (c < ' ' || c == 127) return invalid("a control character in the local part");
    content += static_cast<char>(c);
  }
  return invalid("the quote in the local part is not closed");
}

}  // namespace

bool Address::ascii() const { return is_ascii(local); }

Result<Address> parse_address(std::string_view text) {
  if (text.empty()) return invalid("the address is empty");
  if (text.size() > kTextBytesMax) return invalid("the address is too long");

  std::string content;
  std::size_t local_end = 0;
  if (text.front() == '"') {
    ASSIGN_OR_RETURN(content, unquote(text, local_end));
    if (local_end == text.size() || text[local_end] != '@')
      return invalid("'@' and a domain are missing after the quoted local part");
  } else {
    local_end = text.find('@');
    if (local_end == std::string_view::npos) return invalid("'@' and a domain are missing");
    content = text.substr(0, local_end);
    if (!is_dot_string(content))
      return invalid(content.empty() ? "the part before '@' is missing"
                                     : "a character or dot that is not allowed before '@'");
  }
  if (!is_ascii(content)) {
    ASSIGN_OR_RETURN(content, unicode_lower(content));
  } else {
    std::ranges::transform(content, content.begin(), ascii_lower);
  }

  Address address;
  address.local = as_local_part(content);
  if (address.local.size() > kLocalBytesMax)
    return invalid("the part before '@' has more than 64 bytes");
  ASSIGN_OR_RETURN(address.domain, normalize_domain(text.substr(local_end + 1)));
  return address;
}

Subaddress split_subaddress(std::string_view local) {
  std::string content(local);
  if (local.starts_with('"')) {
    std::size_t end = 0;
    auto inner = unquote(local, end);
    if (!inner || end != local.size()) return {content, std::nullopt};
    content = *std::move(inner);
  }
  const std::size_t plus = content.find('+');
  // "+tag" alone names nobody.
  if (plus == std::string::npos || plus == 0) return {std::string(local), std::nullopt};
  return {as_local_part(content.substr(0, plus)), content.substr(plus + 1)};
}

}  // namespace everpost::node
