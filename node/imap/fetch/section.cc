#include "node/imap/fetch/section.h"

#include <algorithm>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/cursor.h"
#include "node/mime/field.h"
#include "node/mime/imap_string.h"

namespace everpost::node::imap {
namespace {

using Text = BodySection::Text;

bool is_atom(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_atom_char);
}

BodySection whole_section(Text text, bool peek) {
  BodySection section;
  section.text = text;
  section.peek = peek;
  return section;
}

std::string_view word(Text text) {
  switch (text) {
    case Text::kAll:
      return "";
    case Text::kHeader:
      return "HEADER";
    case Text::kHeaderFields:
      return "HEADER.FIELDS";
    case Text::kHeaderFieldsNot:
      return "HEADER.FIELDS.NOT";
    case Text::kText:
      return "TEXT";
    case Text::kMime:
      return "MIME";
  }
  return "";
}

}  // namespace

std::string section_name(const FetchItem& item) {
  switch (item.kind) {
    case FetchItem::Kind::kRfc822:
      return "RFC822";
    case FetchItem::Kind::kRfc822Header:
      return "RFC822.HEADER";
    case FetchItem::Kind::kRfc822Text:
      return "RFC822.TEXT";
    default:
      break;
  }
  const BodySection& section = item.section;
  std::string name = "BODY[";
  for (const std::uint32_t number : section.part) {
    if (!name.ends_with('[')) name += '.';
    name += std::to_string(number);
  }
  if (section.text != Text::kAll) {
    if (!section.part.empty()) name += '.';
    name += word(section.text);
  }
  if (chooses_fields(section)) {
    name += " (";
    for (const std::string& field : section.fields) {
      if (!name.ends_with('(')) name += ' ';
      if (is_atom(field)) {
        name += field;
      } else {
        mime::append_imap_string(name, field);
      }
    }
    name += ')';
  }
  name += ']';
  if (section.partial) name += '<' + std::to_string(section.partial->first) + '>';
  return name;
}

const BodySection* section_of(const FetchItem& item) {
  static const BodySection all = whole_section(Text::kAll, false);
  static const BodySection header = whole_section(Text::kHeader, true);
  static const BodySection text = whole_section(Text::kText, false);
  switch (item.kind) {
    case FetchItem::Kind::kSection:
      return &item.section;
    case FetchItem::Kind::kRfc822:
      return &all;
    case FetchItem::Kind::kRfc822Header:
      return &header;
    case FetchItem::Kind::kRfc822Text:
      return &text;
    default:
      return nullptr;
  }
}

bool needs_summary(const BodySection& section) {
  return section.text != Text::kAll || !section.part.empty();
}

bool chooses_fields(const BodySection& section) {
  return section.text == Text::kHeaderFields || section.text == Text::kHeaderFieldsNot;
}

std::optional<Place> find_section(const BodySection& section, std::uint64_t message_bytes,
                                  const mime::Summary* summary) {
  if (!needs_summary(section)) return Place{0, message_bytes};
  if (!summary) return std::nullopt;
  const mime::Part* part = mime::find_part(*summary, section.part);
  if (!part) return std::nullopt;
  const auto header = [](const mime::Part& p) { return Place{p.header_at, p.header_bytes}; };
  const auto body = [](const mime::Part& p) { return Place{p.body_at, p.body_bytes}; };
  if (section.text == Text::kAll) return body(*part);
  if (section.text == Text::kMime) return header(*part);
  // HEADER and TEXT are those of a message: of the whole one, or of the one in a message/rfc822.
  if (!section.part.empty()) {
    if (!part->envelope || part->children.empty()) return std::nullopt;
    part = &part->children.front();
  }
  return section.text == Text::kText ? body(*part) : header(*part);
}

FieldChoice::FieldChoice(const BodySection& section)
    : named_(section.text == Text::kHeaderFields), partial_(section.partial) {
  for (const std::string& name : section.fields) names_.push_back(to_upper(name));
  std::ranges::sort(names_);
}

std::string FieldChoice::of(std::string_view header) const {
  std::string chosen;
  mime::FieldReader reader(header);
  for (mime::Field field; reader.next(field);)
    if (std::ranges::binary_search(names_, to_upper(field.name)) == named_) chosen += field.all;
  if (!chosen.empty() && !chosen.ends_with('\n')) chosen += "\r\n";
  // RFC 3501 §6.4.5: the subset includes the delimiting blank line.
  chosen += "\r\n";
  const Place rest = cut({0, chosen.size()}, partial_);
  return chosen.substr(rest.offset, rest.bytes);
}

Place cut(Place place, const std::optional<BodySection::Partial>& partial) {
  if (!partial) return place;
  const std::uint64_t first = std::min<std::uint64_t>(partial->first, place.bytes);
  return {place.offset + first, std::min<std::uint64_t>(partial->count, place.bytes - first)};
}

}  // namespace everpost::node::imap
