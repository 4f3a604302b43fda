// What a FETCH asks for (RFC 3501 §6.4.5, RFC 7162 §3.1.4), as the parser hands it to
// node/imap/fetch. The macros ALL, FAST and FULL are expanded by the parser; UID FETCH adds kUid,
// and CHANGEDSINCE adds kModSeq, unless the client has named them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace everpost::node::imap {

// BODY[section]<partial> or BODY.PEEK[section]<partial>.
struct BodySection {
  enum class Text : std::uint8_t {
    kAll,              // BODY[] or BODY[1.2]
    kHeader,           // HEADER
    kHeaderFields,     // HEADER.FIELDS (names)
    kHeaderFieldsNot,  // HEADER.FIELDS.NOT (names)
    kText,             // TEXT
    kMime,             // MIME; only after part numbers
  };
  struct Partial {
    std::uint32_t first = 0;  // byte, from 0
    std::uint32_t count = 0;  // 1 or more (nz-number)
    friend bool operator==(const Partial&, const Partial&) = default;
  };

  std::vector<std::uint32_t> part;  // "1.2" is {1, 2}; empty: the whole message
  Text text = Text::kAll;
  std::vector<std::string> fields;  // header field names as the client wrote them, echoed so
  std::optional<Partial> partial;
  bool peek = false;  // BODY.PEEK: leaves \Seen alone

  friend bool operator==(const BodySection&, const BodySection&) = default;
};

struct FetchItem {
  enum class Kind : std::uint8_t {
    kFlags,
    kUid,
    kModSeq,
    kInternalDate,
    kSize,           // RFC822.SIZE
    kEnvelope,       // ENVELOPE
    kBody,           // BODY, without a section
    kBodyStructure,  // BODYSTRUCTURE
    kRfc822,         // RFC822: as BODY[]
    kRfc822Header,   // RFC822.HEADER: as BODY.PEEK[HEADER]
    kRfc822Text,     // RFC822.TEXT: as BODY[TEXT]
    kSection,        // BODY[...] and BODY.PEEK[...]: `section`
  };
  Kind kind = Kind::kFlags;
  BodySection section;  // of kSection

  // Does fetching it set \Seen (RFC 3501 §6.4.5)?
  bool sets_seen() const {
    return kind == Kind::kRfc822 || kind == Kind::kRfc822Text ||
           (kind == Kind::kSection && !section.peek);
  }

  friend bool operator==(const FetchItem&, const FetchItem&) = default;
};

struct FetchRequest {
  std::vector<FetchItem> items;         // in the client's order, each once
  std::optional<ModSeq> changed_since;  // RFC 7162 §3.1.4.1
};

}  // namespace everpost::node::imap
