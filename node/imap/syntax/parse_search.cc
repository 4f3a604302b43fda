// SEARCH (RFC 3501 §6.4.4) with RETURN (RFC 4731) and MODSEQ (RFC 7162 §3.1.5).
#include <unicode/utf8.h>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/date_time.h"
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

using Kind = SearchKey::Kind;

// What is being parsed, and how much of the bounds it has used.
struct Search {
  Cursor& cursor;
  std::size_t keys = 0;
  std::size_t content_keys = 0;
  std::size_t depth = 0;
};

SearchKey search_key(Search& search);

SearchKey leaf(Kind kind) {
  SearchKey key;
  key.kind = kind;
  return key;
}

SearchKey flag(storage::SystemFlag bit) {
  SearchKey key = leaf(Kind::kFlag);
  key.number = bit;
  return key;
}

SearchKey inverse(SearchKey inner) {
  SearchKey key = leaf(Kind::kNot);
  key.keys.push_back(std::move(inner));
  return key;
}

// RFC 3501 §6.4.4: strings are in the command's CHARSET, for which we know UTF-8 and its subset.
std::string text(Cursor& cursor) {
  cursor.space();
  std::string text = cursor.astring();
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    if (c < 0) {
      cursor.refuse("[BADCHARSET (US-ASCII UTF-8)] not valid UTF-8");
      return {};
    }
  }
  return text;
}

SearchKey with_text(Search& search, Kind kind) {
  SearchKey key = leaf(kind);
  key.text = text(search.cursor);
  return key;
}

SearchKey in_content(Search& search, Kind kind) {
  if (++search.content_keys > kSearchContentKeysMax)
    search.cursor.refuse("[LIMIT] too many BODY and TEXT keys in one search");
  return with_text(search, kind);
}

SearchKey header(Search& search, std::string field) {
  SearchKey key = with_text(search, Kind::kHeader);
  key.field = std::move(field);
  return key;
}

SearchKey any_header(Search& search) {
  search.cursor.space();
  return header(search, search.cursor.astring());
}

SearchKey keyword(Search& search) {
  SearchKey key = leaf(Kind::kKeyword);
  search.cursor.space();
  key.text = search.cursor.atom();
  return key;
}

SearchKey with_date(Search& search, Kind kind) {
  SearchKey key = leaf(kind);
  search.cursor.space();
  const auto date = parse_date(search.cursor.astring());
  if (!date) search.cursor.fail("not a date");
  key.date = date.value_or(std::chrono::sys_days{});
  return key;
}

SearchKey with_size(Search& search, Kind kind) {
  SearchKey key = leaf(kind);
  search.cursor.space();
  key.number = search.cursor.number63();
  return key;
}

SearchKey with_set(Search& search, Kind kind) {
  SearchKey key = leaf(kind);
  key.set = search.cursor.sequence_set();
  return key;
}

SearchKey uid_set(Search& search) {
  search.cursor.space();
  return with_set(search, Kind::kUid);
}

SearchKey fresh() {  // NEW: RECENT UNSEEN
  SearchKey key = leaf(Kind::kAnd);
  key.keys.push_back(leaf(Kind::kRecent));
  key.keys.push_back(inverse(flag(storage::kSeen)));
  return key;
}

SearchKey modseq(Search& search) {
  Cursor& cursor = search.cursor;
  cursor.space();
  if (cursor.peek() == '"') {  // entry name and type: flags have one modseq together
    cursor.string();
    cursor.space();
    if (!cursor.take_word("priv") && !cursor.take_word("shared") && !cursor.take_word("all"))
      cursor.fail("unknown entry type");
    cursor.space();
  }
  SearchKey key = leaf(Kind::kModSeq);
  key.number = cursor.number63();
  return key;
}

SearchKey either(Search& search) {
  SearchKey key = leaf(Kind::kOr);
  search.cursor.space();
  key.keys.push_back(search_key(search));
  search.cursor.space();
  key.keys.push_back(search_key(search));
  return key;
}

SearchKey negated(Search& search) {
  search.cursor.space();
  return inverse(search_key(search));
}

struct NamedKey {
  std::string_view name;
  SearchKey (*parse)(Search&);
};
constexpr NamedKey kKeys[] = {
    {"ALL", [](Search&) { return leaf(Kind::kAll); }},
    {"ANSWERED", [](Search&) { return flag(storage::kAnswered); }},
    {"BCC", [](Search& s) { return header(s, "Bcc"); }},
    {"BEFORE", [](Search& s) { return with_date(s, Kind::kBefore); }},
    {"BODY", [](Search& s) { return in_content(s, Kind::kBody); }},
    {"CC", [](Search& s) { return header(s, "Cc"); }},
    {"DELETED", [](Search&) { return flag(storage::kDeleted); }},
    {"DRAFT", [](Search&) { return flag(storage::kDraft); }},
    {"FLAGGED", [](Search&) { return flag(storage::kFlagged); }},
    {"FROM", [](Search& s) { return header(s, "From"); }},
    {"HEADER", any_header},
    {"KEYWORD", keyword},
    {"LARGER", [](Search& s) { return with_size(s, Kind::kLarger); }},
    {"MODSEQ", modseq},
    {"NEW", [](Search&) { return fresh(); }},
    {"NOT", negated},
    {"OLD", [](Search&) { return inverse(leaf(Kind::kRecent)); }},
    {"ON", [](Search& s) { return with_date(s, Kind::kOn); }},
    {"OR", either},
    {"RECENT", [](Search&) { return leaf(Kind::kRecent); }},
    {"SEEN", [](Search&) { return flag(storage::kSeen); }},
    {"SENTBEFORE", [](Search& s) { return with_date(s, Kind::kSentBefore); }},
    {"SENTON", [](Search& s) { return with_date(s, Kind::kSentOn); }},
    {"SENTSINCE", [](Search& s) { return with_date(s, Kind::kSentSince); }},
    {"SINCE", [](Search& s) { return with_date(s, Kind::kSince); }},
    {"SMALLER", [](Search& s) { return with_size(s, Kind::kSmaller); }},
    {"SUBJECT", [](Search& s) { return header(s, "Subject"); }},
    {"TEXT", [](Search& s) { return in_content(s, Kind::kText); }},
    {"TO", [](Search& s) { return header(s, "To"); }},
    {"UID", uid_set},
    {"UNANSWERED", [](Search&) { return inverse(flag(storage::kAnswered)); }},
    {"UNDELETED", [](Search&) { return inverse(flag(storage::kDeleted)); }},
    {"UNDRAFT", [](Search&) { return inverse(flag(storage::kDraft)); }},
    {"UNFLAGGED", [](Search&) { return inverse(flag(storage::kFlagged)); }},
    {"UNKEYWORD", [](Search& s) { return inverse(keyword(s)); }},
    {"UNSEEN", [](Search&) { return inverse(flag(storage::kSeen)); }},
};

SearchKey all_of_list(Search& search) {
  SearchKey key = leaf(Kind::kAnd);
  do key.keys.push_back(search_key(search));
  while (search.cursor.take(' '));
  return key;
}

SearchKey search_key(Search& search) {
  Cursor& cursor = search.cursor;
  if (++search.keys > kSearchKeysMax || search.depth == kSearchDepthMax) {
    cursor.refuse("[LIMIT] the search is too complex");
    return {};
  }
  ++search.depth;
  SearchKey key;
  const char first = cursor.peek();
  if (cursor.take('(')) {
    key = all_of_list(search);
    cursor.expect(')');
  } else if (first == '*' || (first >= '0' && first <= '9')) {
    key = with_set(search, Kind::kSequence);
  } else {
    const std::string name = cursor.upper_atom();
    const auto known = std::ranges::find(kKeys, name, &NamedKey::name);
    if (cursor.ok() && known == std::end(kKeys)) cursor.fail("unknown search key");
    if (cursor.ok()) key = known->parse(search);
  }
  --search.depth;
  return key;
}

SearchReturn return_options(Cursor& cursor) {
  SearchReturn want;
  cursor.space();
  cursor.expect('(');
  if (cursor.take(')')) {  // RFC 4731 §3.1: no option is ALL
    want.all = true;
    return want;
  }
  do {
    if (cursor.take_word("MIN"))
      want.min = true;
    else if (cursor.take_word("MAX"))
      want.max = true;
    else if (cursor.take_word("ALL"))
      want.all = true;
    else if (cursor.take_word("COUNT"))
      want.count = true;
    else
      cursor.fail("unknown SEARCH return option");
  } while (cursor.take(' '));
  cursor.expect(')');
  return want;
}

}  // namespace

SearchCommand parse_search(Cursor& cursor, bool uid) {
  SearchCommand command;
  command.uid = uid;
  SearchRequest& request = command.request;
  cursor.space();
  if (cursor.take_word("RETURN")) {
    request.want = return_options(cursor);
    cursor.space();
  }
  if (cursor.take_word("CHARSET")) {
    cursor.space();
    request.charset = cursor.astring();
    if (!request.charset.empty() && !equal_no_case(request.charset, "US-ASCII") &&
        !equal_no_case(request.charset, "UTF-8"))
      cursor.refuse("[BADCHARSET (US-ASCII UTF-8)] unknown charset");
    cursor.space();
  }
  Search search{cursor};
  request.key = all_of_list(search);
  return command;
}

}  // namespace everpost::node::imap
