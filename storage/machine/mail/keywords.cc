#include "storage/machine/mail/keywords.h"

#include <algorithm>

namespace everpost::storage::mail {
namespace {

// Of ASCII only: the same on every machine, whatever its locale (H47).
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// RFC 3501 §9: atom-specials are "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials /
// resp-specials; a flag-keyword has none, and is ASCII.
bool atom_char(char c) {
  constexpr std::string_view kSpecials = "(){ %*\"\\]";
  return c > 0x20 && c < 0x7F && !kSpecials.contains(c);
}

}  // namespace

Result<void> check_flags(const Flags& flags) {
  constexpr std::uint16_t kKnown = kSeen | kAnswered | kFlagged | kDeleted | kDraft;
  if ((flags.system & ~kKnown) != 0)
    return Error{ErrorCode::kInvalidArgument, "a system flag that does not exist"};
  for (const std::string& keyword : flags.keywords)
    if (keyword.empty() || !std::ranges::all_of(keyword, atom_char))
      return Error{ErrorCode::kInvalidArgument, "a keyword that is not an atom"};
  return {};
}

std::optional<unsigned> find_keyword(const MailboxValue& mailbox, std::string_view name) {
  for (unsigned i = 0; i < mailbox.keywords.size(); ++i)
    if (same(mailbox.keywords[i], name)) return i;
  return std::nullopt;
}

std::uint64_t known_bits(const MailboxValue& mailbox, const std::vector<std::string>& names,
                         std::vector<std::string>* missing) {
  std::uint64_t bits = 0;
  for (const std::string& name : names) {
    if (const auto bit = find_keyword(mailbox, name))
      bits |= std::uint64_t{1} << *bit;
    else if (missing && std::ranges::none_of(*missing, [&](auto& m) { return same(m, name); }))
      missing->push_back(name);
  }
  return bits;
}

Result<std::uint64_t> add_keywords(MailboxValue& mailbox, const std::vector<std::string>& names) {
  if (mailbox.keywords.size() + names.size() > MailLimits::keywords)
    return Error{ErrorCode::kLimit, "the mailbox has too many keywords"};
  std::uint64_t bits = 0;
  for (const std::string& name : names) {
    bits |= std::uint64_t{1} << mailbox.keywords.size();
    mailbox.keywords.push_back(name);
  }
  return bits;
}

std::vector<std::string> keyword_names(const MailboxValue& mailbox, std::uint64_t bits) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < mailbox.keywords.size(); ++i)
    if (bits >> i & 1) names.push_back(mailbox.keywords[i]);
  return names;
}

}  // namespace everpost::storage::mail
