#include "node/imap/syntax/mailbox_name.h"

#include <array>
#include <cstdint>
#include <optional>
#include <unicode/normalizer2.h>
#include <unicode/utf8.h>
#include <vector>

#include "node/imap/syntax/ascii.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kNameBytesMax = 1000;
constexpr std::size_t kLevelsMax = 32;

// RFC 3501 §5.1.3: base64 with ',' for '/', and no padding.
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

constexpr std::array<std::int8_t, 256> kBase64Value = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  return values;
}();

bool is_printable_ascii(char32_t c) { return c >= 0x20 && c <= 0x7e; }

void append_utf8(std::string& to, char32_t c) {
  char bytes[U8_MAX_LENGTH];
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(c));
  to.append(bytes, static_cast<std::size_t>(length));
}

Error bad_name(const char* why) { return {ErrorCode::kInvalidArgument, why}; }

// The UTF-16 code units between '&' and '-', as UTF-8.
Result<void> decode_shifted(std::string_view base64, std::string& to) {
  std::uint32_t bits = 0;
  int bit_count = 0;
  std::optional<char32_t> high;
  for (const char c : base64) {
    const int value = kBase64Value[static_cast<unsigned char>(c)];
    if (value < 0) return bad_name("not base64");
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    bit_count += 6;
    if (bit_count < 16) continue;
    bit_count -= 16;
    const char32_t unit = bits >> bit_count & 0xffff;
    if (unit >= 0xdc00 && unit <= 0xdfff) {
      if (!high) return bad_name("half a surrogate pair");
      append_utf8(to, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
      high.reset();
      continue;
    }
    if (high) return bad_name("half a surrogate pair");
    if (unit >= 0xd800 && unit <= 0xdbff) {
      high = unit;
    } else if (is_printable_ascii(unit)) {
      return bad_name("printable ASCII in base64");  // §5.1.3: one name, one spelling
    } else {
      append_utf8(to, unit);
    }
  }
  if (high) return bad_name("half a surrogate pair");
  if (bit_count >= 6 || (bits & ((1U << bit_count) - 1)) != 0) return bad_name("base64 cut short");
  return {};
}

Result<std::string> to_nfc(std::string text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return Error{ErrorCode::kInternal, u_errorName(status)};
  std::string normal;
  icu::StringByteSink<std::string> sink(&normal);
  nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink,
                     nullptr, status);
  if (U_FAILURE(status)) return bad_name("not Unicode text");
  return normal;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Is this name INBOX, or below it?
bool in_inbox(std::string_view name) {
  return starts_no_case(name, kInbox) &&
         (name.size() == kInbox.size() || name[kInbox.size()] == kHierarchyDelimiter);
}

}  // namespace

Result<std::string> decode_mailbox_name(std::string_view wire) {
  std::string name;
  bool after_shift = false;
  for (std::size_t at = 0; at < wire.size();) {
    const char c = wire[at];
    if (static_cast<unsigned char>(c) >= 0x80) return bad_name("8-bit bytes in a mailbox name");
    if (c != '&') {
      name += c;
      after_shift = false;
      ++at;
      continue;
    }
    const std::size_t end = wire.find('-', at);
    if (end == std::string_view::npos) return bad_name("a shift to base64 does not end");
    if (end == at + 1) {
      name += '&';
      after_shift = false;
    } else {
      if (after_shift) return bad_name("two shifts to base64 in a row");
      RETURN_IF_ERROR(decode_shifted(wire.substr(at + 1, end - at - 1), name));
      after_shift = true;
    }
    at = end + 1;
  }
  if (!is_ascii(name)) {
    ASSIGN_OR_RETURN(name, to_nfc(std::move(name)));
  }
  if (in_inbox(name)) name.replace(0, kInbox.size(), kInbox);  // RFC 3501 §5.1: INBOX in any case
  return name;
}

std::string encode_mailbox_name(std::string_view utf8) {
  std::string wire;
  std::uint32_t bits = 0;
  int bit_count = 0;
  bool shifted = false;
  const auto put_unit = [&](std::uint32_t unit) {
    bits = bits << 16 | unit;
    bit_count += 16;
    for (; bit_count >= 6; bit_count -= 6) wire += kBase64[bits >> (bit_count - 6) & 63];
  };
  const auto unshift = [&] {
    if (!shifted) return;
    if (bit_count > 0) wire += kBase64[bits << (6 - bit_count) & 63];
    wire += '-';
    bits = 0;
    bit_count = 0;
    shifted = false;
  };
  const auto length = static_cast<std::int32_t>(utf8.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 next = 0;
    U8_NEXT_OR_FFFD(utf8.data(), at, length, next);
    const auto c = static_cast<char32_t>(next);
    if (is_printable_ascii(c)) {
      unshift();
      wire += static_cast<char>(c);
      if (c == '&') wire += '-';
      continue;
    }
    if (!shifted) wire += '&';
    shifted = true;
    if (c >= 0x10000) {
      put_unit(0xd800 + ((c - 0x10000) >> 10));
      put_unit(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      put_unit(c);
    }
  }
  unshift();
  return wire;
}

Result<void> check_new_mailbox_name(std::string_view name) {
  if (name.empty()) return bad_name("a mailbox needs a name");
  if (name.size() > kNameBytesMax) return bad_name("the name is too long");
  std::size_t levels = 1;
  bool level_empty = true;
  for (const char c : name) {
    if (c == kHierarchyDelimiter) {
      if (level_empty) return bad_name("a level of the hierarchy is empty");
      level_empty = true;
      ++levels;
    } else {
      level_empty = false;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return bad_name("control characters in a mailbox name");
  }
  if (level_empty) return bad_name("a level of the hierarchy is empty");
  if (levels > kLevelsMax) return bad_name("too many levels");
  return {};
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  const std::size_t any_case = in_inbox(name) ? kInbox.size() : 0;
  // reached[i]: the first i characters of the pattern match what has been read of the name.
  std::vector<bool> reached(pattern.size() + 1, false);
  const auto skip_wildcards = [&] {  // a wildcard matches nothing, too
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (reached[i] && (pattern[i] == '*' || pattern[i] == '%')) reached[i + 1] = true;
  };
  reached[0] = true;
  skip_wildcards();
  for (std::size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    reached[pattern.size()] = false;
    bool any = false;
    for (std::size_t i = pattern.size(); i-- > 0;) {
      const char p = pattern[i];
      const bool stays = reached[i] && (p == '*' || (p == '%' && c != kHierarchyDelimiter));
      const bool same = at < any_case ? ascii_upper(p) == ascii_upper(c) : p == c;
      if (reached[i] && p != '*' && p != '%' && same) reached[i + 1] = true;
      reached[i] = stays;
      any |= stays || (p != '*' && p != '%' && reached[i + 1]);
    }
    if (!any) return false;
    skip_wildcards();
  }
  return reached[pattern.size()];
}

}  // namespace everpost::node::imap
