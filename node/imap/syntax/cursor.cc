#include "node/imap/syntax/cursor.h"

#include <algorithm>
#include <limits>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kKeywordBytesMax = 255;
constexpr std::size_t kKeywordsMax = 100;  // of one command
constexpr std::size_t kPatternBytesMax = 1000;
constexpr std::size_t kMailboxBytesMax =
    2000;  // in modified UTF-7; check_new_mailbox_name is stricter

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_char(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool is_list_char(char c) { return is_astring_char(c) || c == '%' || c == '*'; }
bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }
bool is_name_char(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

struct SystemFlagName {
  std::string_view name;
  storage::SystemFlag flag;
};
constexpr SystemFlagName kSystemFlags[] = {{"SEEN", storage::kSeen},
                                           {"ANSWERED", storage::kAnswered},
                                           {"FLAGGED", storage::kFlagged},
                                           {"DELETED", storage::kDeleted},
                                           {"DRAFT", storage::kDraft}};

// The announcement, if it is all that `line` holds.
std::optional<LiteralAnnouncement> announced_by(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with('{') || line.find('}') + 1 != line.size()) return std::nullopt;
  return literal_at_end(line);
}

}  // namespace

bool is_atom_char(char c) {
  if (!is_char(c) || is_control(c)) return false;
  switch (c) {
    case '(':
    case ')':
    case '{':
    case ' ':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']':
      return false;
    default:
      return true;
  }
}

bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }

std::optional<LiteralAnnouncement> literal_at_end(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  line.remove_suffix(1);
  LiteralAnnouncement literal;
  if (line.ends_with('+')) {
    literal.synchronizing = false;
    line.remove_suffix(1);
  }
  std::size_t first = line.size();
  while (first > 0 && is_digit(line[first - 1])) --first;
  if (first == line.size() || first == 0 || line[first - 1] != '{') return std::nullopt;
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const char c : line.substr(first)) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    literal.bytes = literal.bytes > (kMost - digit) / 10 ? kMost : literal.bytes * 10 + digit;
  }
  return literal;
}

void Cursor::fail(std::string why) {
  if (failed_) return;
  failed_ = true;
  error_ = std::move(why);
}

void Cursor::refuse(std::string why) {
  if (failed_) return;
  no_ = true;
  fail(std::move(why));
}

bool Cursor::take(char c) {
  if (failed_ || rest_.empty() || rest_.front() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

void Cursor::expect(char c) {
  if (take(c) || failed_) return;
  fail(c == ' ' ? "a space is missing" : std::string("'") + c + "' is missing");
}

bool Cursor::take_word(std::string_view word) {
  if (failed_ || !starts_no_case(rest_, word)) return false;
  if (rest_.size() > word.size() && is_astring_char(rest_[word.size()])) return false;
  rest_.remove_prefix(word.size());
  return true;
}

void Cursor::end() {
  if (failed_ || rest_.empty() || rest_ == "\r\n" || rest_ == "\n") return;
  fail("the command is longer than expected");
}

std::string_view Cursor::take_while(bool (*accepts)(char)) {
  if (failed_) return {};
  const auto end = std::ranges::find_if_not(rest_, accepts);
  const auto taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(taken.size());
  return taken;
}

std::string_view Cursor::tag() {
  const std::string_view tag = take_while(is_tag_char);
  if (tag.empty()) fail("a tag is missing");
  return tag;
}

std::string_view Cursor::atom() {
  const std::string_view atom = take_while(is_atom_char);
  if (atom.empty()) fail("an atom is missing");
  return atom;
}

std::string Cursor::upper_atom() { return to_upper(atom()); }

std::string_view Cursor::name() {
  const std::string_view name = take_while(is_name_char);
  if (name.empty()) fail("a name is missing");
  return name;
}

std::string Cursor::quoted() {
  expect('"');
  std::string text;
  while (!failed_) {
    if (rest_.empty()) {
      fail("a quoted string does not end");
      break;
    }
    char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '"') return text;
    if (c == '\\') {
      if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\\')) {
        fail("only quotes and backslashes are quoted with a backslash");
        break;
      }
      c = rest_.front();
      rest_.remove_prefix(1);
    }
    // 8-bit text is no QUOTED-CHAR, but clients send UTF-8 in passwords and searches.
    if (c == '\r' || c == '\n' || c == '\0') fail("a line ends in a quoted string");
    text += c;
  }
  return {};
}

std::string Cursor::literal() {
  const std::size_t line_end = failed_ ? std::string_view::npos : rest_.find('\n');
  const auto announced =
      line_end == std::string_view::npos ? std::nullopt : announced_by(rest_.substr(0, line_end));
  if (!announced) {
    fail("a malformed literal");
    return {};
  }
  rest_.remove_prefix(line_end + 1);
  if (rest_.size() < announced->bytes) {
    fail("a literal is incomplete");
    incomplete_ = true;
    return {};
  }
  const std::string_view bytes = rest_.substr(0, announced->bytes);
  rest_.remove_prefix(bytes.size());
  if (bytes.find('\0') != std::string_view::npos) {  // CHAR8 (§9) leaves NUL out
    fail("NUL in a literal");
    return {};
  }
  return std::string(bytes);
}

std::string Cursor::string() {
  if (peek() == '"') return quoted();
  if (peek() == '{') return literal();
  fail("a string is missing");
  return {};
}

std::string Cursor::astring() {
  if (peek() == '"' || peek() == '{') return string();
  const std::string_view atom = take_while(is_astring_char);
  if (atom.empty()) fail("an atom or string is missing");
  return std::string(atom);
}

std::optional<std::string> Cursor::nstring() {
  if (take_word("NIL")) return std::nullopt;
  return string();
}

std::uint64_t Cursor::number63() {
  const std::string_view digits = take_while(is_digit);
  if (digits.empty()) fail("a number is missing");
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::uint64_t value = 0;
  for (const char c : digits) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMost - digit) / 10) {
      fail("a number is too large");
      return 0;
    }
    value = value * 10 + digit;
  }
  return value;
}

std::uint32_t Cursor::number() {
  const std::uint64_t value = number63();
  if (value > std::numeric_limits<std::uint32_t>::max()) fail("a number is too large");
  return failed_ ? 0 : static_cast<std::uint32_t>(value);
}

std::uint32_t Cursor::nz_number() {
  const std::uint32_t value = number();
  if (value == 0) fail("a number must not be 0");
  return value;
}

SequenceSet Cursor::sequence_set() {
  const auto seq_number = [this] { return take('*') ? SequenceSet::kStar : nz_number(); };
  SequenceSet set;
  do {
    const std::uint32_t first = seq_number();
    const std::uint32_t last = take(':') ? seq_number() : first;
    if (failed_) return {};
    set.ranges.push_back({first, last});
  } while (take(','));
  return set;
}

std::string Cursor::mailbox() {
  const std::string wire = astring();
  if (failed_) return {};
  if (wire.size() > kMailboxBytesMax) {
    refuse("[CANNOT] mailbox name too long");
    return {};
  }
  Result<std::string> name = decode_mailbox_name(wire);
  if (!name) {
    refuse("[CANNOT] not a mailbox name in modified UTF-7: " + name.error().context);
    return {};
  }
  return *std::move(name);
}

std::string Cursor::list_mailbox() {
  const bool is_string = peek() == '"' || peek() == '{';
  std::string wire = is_string ? string() : std::string(take_while(is_list_char));
  if (!is_string && wire.empty()) fail("a mailbox pattern is missing");
  if (wire.size() > kPatternBytesMax) {
    refuse("[CANNOT] mailbox pattern too long");
    return {};
  }
  // What is no modified UTF-7 cannot match a name: it may stay as it is.
  Result<std::string> pattern = decode_mailbox_name(wire);
  return pattern ? *std::move(pattern) : wire;
}

void Cursor::flag(storage::Flags& to) {
  if (take('\\')) {
    const std::string_view name = atom();
    for (const SystemFlagName& known : kSystemFlags) {
      if (!equal_no_case(name, known.name)) continue;
      to.system |= known.flag;
      return;
    }
    fail("no such system flag");
    return;
  }
  const std::string_view keyword = atom();
  if (failed_) return;
  if (keyword.size() > kKeywordBytesMax) {
    refuse("[LIMIT] a keyword is too long");
    return;
  }
  const auto same = [&](const std::string& other) { return equal_no_case(other, keyword); };
  if (std::ranges::any_of(to.keywords, same)) return;
  if (to.keywords.size() == kKeywordsMax) {
    refuse("[LIMIT] too many keywords");
    return;
  }
  to.keywords.emplace_back(keyword);
}

storage::Flags Cursor::flag_list() {
  storage::Flags flags;
  expect('(');
  if (take(')')) return flags;
  do flag(flags);
  while (take(' '));
  expect(')');
  return flags;
}

std::optional<LiteralAnnouncement> Cursor::message_literal() {
  if (failed_) return std::nullopt;
  const auto announced =
      announced_by(rest_.ends_with('\n') ? rest_.substr(0, rest_.size() - 1) : rest_);
  if (!announced) {
    fail("a message literal is missing");
    return std::nullopt;
  }
  rest_ = {};
  return announced;
}

}  // namespace everpost::node::imap
