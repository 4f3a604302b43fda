// BODY[section]: its name in the response, where its bytes are, and the choice of header fields
// (RFC 3501 §6.4.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/imap/syntax/fetch_item.h"
#include "node/mime/summary.h"

namespace everpost::node::imap {

// "BODY[1.HEADER.FIELDS (Date From)]<0>", as the response repeats it (RFC 3501 §7.4.2); the words
// RFC822, RFC822.HEADER and RFC822.TEXT for those.
std::string section_name(const FetchItem& item);

// What an item's bytes are cut from: for kSection its own section, for RFC822, RFC822.HEADER and
// RFC822.TEXT the one that they are equivalent to; nullptr if the item has none.
const BodySection* section_of(const FetchItem& item);

// Can it be found without the message's structure? BODY[] can.
bool needs_summary(const BodySection& section);

bool chooses_fields(const BodySection& section);  // HEADER.FIELDS and HEADER.FIELDS.NOT

struct Place {
  std::uint64_t offset = 0, bytes = 0;  // in the message
};
// Where the section's bytes are, before fields are chosen and a partial is cut. Nothing if there is
// no such part, or no header in it: NIL. `summary` may be nullptr unless needs_summary().
std::optional<Place> find_section(const BodySection& section, std::uint64_t message_bytes,
                                  const mime::Summary* summary);

// HEADER.FIELDS and HEADER.FIELDS.NOT of headers. Takes time in proportion to the header, and
// hardly more for many names than for few.
class FieldChoice {
 public:
  explicit FieldChoice(const BodySection& section);

  // The fields named (or not named), as they are and in their order, then the empty line; of that,
  // the section's partial.
  std::string of(std::string_view header) const;

 private:
  std::vector<std::string> names_;  // upper case, sorted: no choice of names makes a lookup slow
  bool named_;
  std::optional<BodySection::Partial> partial_;
};

// A partial (RFC 3501 §6.4.5): what of `place` it leaves; nothing beyond the end.
Place cut(Place place, const std::optional<BodySection::Partial>& partial);

}  // namespace everpost::node::imap
