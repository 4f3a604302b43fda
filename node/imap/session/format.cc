#include "node/imap/session/format.h"

#include <algorithm>
#include <utility>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/cursor.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {

void append_quoted(std::string_view text, std::string& to) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

void append_mailbox(std::string_view utf8_name, std::string& to) {
  const std::string wire = encode_mailbox_name(utf8_name);
  // A bare NIL would be read as "no value" (RFC 3501 §4.5).
  if (!wire.empty() && !equal_no_case(wire, "NIL") && std::ranges::all_of(wire, is_atom_char))
    to += wire;
  else
    append_quoted(wire, to);
}

void append_flags(const storage::Flags& flags, bool recent, std::string& to) {
  constexpr std::pair<std::uint16_t, std::string_view> kNames[] = {
      {storage::kAnswered, "\\Answered"}, {storage::kFlagged, "\\Flagged"},
      {storage::kDeleted, "\\Deleted"},   {storage::kSeen, "\\Seen"},
      {storage::kDraft, "\\Draft"},
  };
  std::string_view separator = "(";
  const auto put = [&](std::string_view flag) {
    to += std::exchange(separator, " ");
    to += flag;
  };
  for (const auto& [bit, name] : kNames)
    if ((flags.system & bit) != 0) put(name);
  if (recent) put("\\Recent");
  for (const std::string& keyword : flags.keywords) put(keyword);
  if (separator == "(") to += '(';
  to += ')';
}

std::string printable(std::string_view text) {
  std::string result(text);
  std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

std::string ordered_uid_set(const std::vector<Uid>& uids) {
  std::string text;
  for (std::size_t at = 0; at < uids.size();) {
    std::size_t end = at + 1;
    while (end < uids.size() && uids[end].value == uids[end - 1].value + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(uids[at].value);
    if (end - at > 1) text += ':' + std::to_string(uids[end - 1].value);
    at = end;
  }
  return text;
}

}  // namespace everpost::node::imap
