// FETCH (RFC 3501 §6.4.5) with CHANGEDSINCE (RFC 7162 §3.1.4.1).
#include <algorithm>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

using Kind = FetchItem::Kind;
using Text = BodySection::Text;

constexpr std::size_t kItemsMax = 200;
constexpr std::size_t kPartDepthMax = 100;  // as deep as mime::summarize() looks
// Names of header fields, of all items together: the response for each message repeats them.
constexpr std::size_t kFieldsMax = 500;
constexpr std::size_t kFieldNamesBytesMax = 16 << 10;

struct NamedItem {
  std::string_view name;
  Kind kind;
};
constexpr NamedItem kItems[] = {
    {"FLAGS", Kind::kFlags},
    {"UID", Kind::kUid},
    {"MODSEQ", Kind::kModSeq},
    {"INTERNALDATE", Kind::kInternalDate},
    {"RFC822.SIZE", Kind::kSize},
    {"ENVELOPE", Kind::kEnvelope},
    {"BODYSTRUCTURE", Kind::kBodyStructure},
    {"RFC822", Kind::kRfc822},
    {"RFC822.HEADER", Kind::kRfc822Header},
    {"RFC822.TEXT", Kind::kRfc822Text},
};

void add(std::vector<FetchItem>& items, FetchItem item) {
  if (std::ranges::find(items, item) == items.end()) items.push_back(std::move(item));
}

struct Names {  // of header fields, so far
  std::size_t count = 0;
  std::size_t bytes = 0;
};

std::vector<std::string> header_fields(Cursor& cursor, Names& names) {
  std::vector<std::string> fields;
  cursor.space();
  cursor.expect('(');
  do {
    fields.push_back(cursor.astring());
    names.bytes += fields.back().size();
    if (++names.count > kFieldsMax || names.bytes > kFieldNamesBytesMax)
      cursor.fail("too many header fields");
  } while (cursor.take(' '));
  cursor.expect(')');
  return fields;
}

// section-spec: part numbers, then the name of a text, either of which may be missing.
void section_spec(Cursor& cursor, BodySection& section, Names& names) {
  while (cursor.peek() >= '0' && cursor.peek() <= '9') {
    section.part.push_back(cursor.nz_number());
    if (section.part.size() > kPartDepthMax) cursor.fail("too many part numbers");
    if (!cursor.take('.')) return;
  }
  const std::string name = to_upper(cursor.name());
  if (name == "HEADER") {
    section.text = Text::kHeader;
  } else if (name == "TEXT") {
    section.text = Text::kText;
  } else if (name == "MIME" && !section.part.empty()) {
    section.text = Text::kMime;
  } else if (name == "HEADER.FIELDS") {
    section.text = Text::kHeaderFields;
    section.fields = header_fields(cursor, names);
  } else if (name == "HEADER.FIELDS.NOT") {
    section.text = Text::kHeaderFieldsNot;
    section.fields = header_fields(cursor, names);
  } else {
    cursor.fail("unknown section");
  }
}

BodySection body_section(Cursor& cursor, bool peek, Names& names) {
  BodySection section;
  section.peek = peek;
  if (!cursor.take(']')) {
    section_spec(cursor, section, names);
    cursor.expect(']');
  }
  if (cursor.take('<')) {
    BodySection::Partial partial;
    partial.first = cursor.number();
    cursor.expect('.');
    partial.count = cursor.nz_number();
    section.partial = partial;
    cursor.expect('>');
  }
  return section;
}

void fetch_attribute(Cursor& cursor, std::vector<FetchItem>& items, Names& names) {
  const std::string name = to_upper(cursor.name());
  if (!cursor.ok()) return;
  const bool body = name == "BODY";
  if ((body || name == "BODY.PEEK") && cursor.take('[')) {
    add(items, {Kind::kSection, body_section(cursor, !body, names)});
    return;
  }
  if (body) {
    add(items, {Kind::kBody, {}});
    return;
  }
  const auto item = std::ranges::find(kItems, name, &NamedItem::name);
  if (item != std::end(kItems))
    add(items, {item->kind, {}});
  else
    cursor.fail("unknown FETCH item");
}

// RFC 3501 §6.4.5: the macros stand alone, never in a list.
bool macro(Cursor& cursor, std::vector<FetchItem>& items) {
  const bool full = cursor.take_word("FULL");
  const bool all = full || cursor.take_word("ALL");
  if (!all && !cursor.take_word("FAST")) return false;
  items = {{Kind::kFlags, {}}, {Kind::kInternalDate, {}}, {Kind::kSize, {}}};
  if (all) items.push_back({Kind::kEnvelope, {}});
  if (full) items.push_back({Kind::kBody, {}});
  return true;
}

void modifiers(Cursor& cursor, FetchRequest& request) {
  cursor.expect('(');
  do {
    if (cursor.take_word("CHANGEDSINCE")) {
      cursor.space();
      request.changed_since = ModSeq{cursor.number63()};
    } else {
      cursor.fail("unknown FETCH modifier");
    }
  } while (cursor.take(' '));
  cursor.expect(')');
}

void add_in_front(std::vector<FetchItem>& items, Kind kind) {
  if (std::ranges::find(items, kind, &FetchItem::kind) == items.end())
    items.insert(items.begin(), FetchItem{kind, {}});
}

}  // namespace

FetchCommand parse_fetch(Cursor& cursor, bool uid) {
  FetchCommand command;
  command.uid = uid;
  cursor.space();
  command.set = cursor.sequence_set();
  cursor.space();
  std::vector<FetchItem>& items = command.request.items;
  Names names;
  if (cursor.take('(')) {
    do {
      fetch_attribute(cursor, items, names);
      if (items.size() > kItemsMax) cursor.fail("too many FETCH items");
    } while (cursor.take(' '));
    cursor.expect(')');
  } else if (!macro(cursor, items)) {
    fetch_attribute(cursor, items, names);
  }
  if (cursor.take(' ')) modifiers(cursor, command.request);
  // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ; RFC 3501 §6.4.8: UID FETCH for UID.
  if (command.request.changed_since) add_in_front(items, Kind::kModSeq);
  if (uid) add_in_front(items, Kind::kUid);
  return command;
}

}  // namespace everpost::node::imap
