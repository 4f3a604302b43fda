#include "storage/machine/mail/mailbox_name.h"

#include <algorithm>
#include <cstdint>

#include "storage/machine/mail_command.h"

namespace everpost::storage::mail {
namespace {

Error invalid(std::string_view why) {
  return {ErrorCode::kInvalidArgument, "mailbox name: " + std::string(why)};
}

// The next code point of well-formed UTF-8 (RFC 3629 §4: shortest form, no surrogates, up to
// U+10FFFF), which is cut off; or nothing. Written out, so that no library's idea of it can change
// what a record means (H47).
bool next_code_point(std::string_view& text, std::uint32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t bytes = 0;
  std::uint32_t lowest = 0;
  if (lead < 0x80) {
    bytes = 1, point = lead;
  } else if (lead >= 0xC2 && lead < 0xE0) {
    bytes = 2, point = lead & 0x1F, lowest = 0x80;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    bytes = 3, point = lead & 0x0F, lowest = 0x800;
  } else if (lead >= 0xF0 && lead < 0xF5) {
    bytes = 4, point = lead & 0x07, lowest = 0x10000;
  } else {
    return false;
  }
  if (text.size() < bytes) return false;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return false;
    point = point << 6 | (byte(i) & 0x3F);
  }
  if (point < lowest || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
  text.remove_prefix(bytes);
  return true;
}

// RFC 9051 §5.1: no C0 and C1 controls, DEL, line or paragraph separators.
bool forbidden(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029;
}

bool is_inbox(std::string_view level) {
  return std::ranges::equal(level, kInbox, {}, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.size() > MailLimits::name_bytes)
    return Error{ErrorCode::kLimit,
                 "mailbox name: longer than " + std::to_string(MailLimits::name_bytes) + " bytes"};
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.contains("//"))
    return invalid("an empty level");
  if (static_cast<std::size_t>(std::ranges::count(name, '/')) >= MailLimits::name_levels)
    return Error{ErrorCode::kLimit,
                 "mailbox name: more than " + std::to_string(MailLimits::name_levels) + " levels"};
  for (std::string_view left = name; !left.empty();) {
    std::uint32_t point = 0;
    if (!next_code_point(left, point)) return invalid("not UTF-8");
    if (forbidden(point)) return invalid("a control character");
  }
  // RFC 3501 §5.1: INBOX is the same name in any case, so there must be one spelling of it.
  const std::string_view first = name.substr(0, name.find('/'));
  if (first != kInbox && is_inbox(first)) return invalid("INBOX is spelled in capitals");
  return {};
}

std::vector<std::string_view> superiors(std::string_view name) {
  std::vector<std::string_view> found;
  for (std::size_t at = name.find('/'); at != name.npos; at = name.find('/', at + 1))
    found.push_back(name.substr(0, at));
  return found;
}

}  // namespace everpost::storage::mail
