// What a SEARCH asks for (RFC 3501 §6.4.4, RFC 4731, RFC 7162 §3.1.5), as the parser hands it to
// node/imap/search. Many of the protocol's keys are spellings of one another; the parser brings
// them to the few kinds below:
//
//   UNSEEN, UNDELETED, ...   kNot of kFlag        SUBJECT x        kHeader "Subject", x
//   UNKEYWORD k              kNot of kKeyword     FROM, TO, CC, BCC x   kHeader likewise
//   NEW                      kAnd of kRecent and kNot of kFlag kSeen
//   OLD                      kNot of kRecent      two keys in a row, (...)   kAnd
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "node/imap/syntax/sequence_set.h"

namespace everpost::node::imap {

struct SearchKey {
  enum class Kind : std::uint8_t {
    kAll,
    kFlag,      // `number`: one storage::SystemFlag bit
    kKeyword,   // `text`: the keyword
    kRecent,    // \Recent in this session
    kSequence,  // `set`: message sequence numbers
    kUid,       // `set`: UIDs
    kLarger,    // size > `number` octets
    kSmaller,   // size < `number` octets
    kModSeq,    // modseq >= `number`; the entry name of RFC 7162 §3.1.5 makes no difference here
    // Dates are days; time and zone are disregarded (RFC 3501 §6.4.4).
    kBefore,  // internal date < `date`
    kOn,
    kSince,       // internal date >= `date`
    kSentBefore,  // the same for the Date: header field
    kSentOn,
    kSentSince,
    kHeader,  // a field `field` contains `text`; empty text: there is such a field
    kBody,    // a body contains `text`
    kText,    // header or body contains `text`
    kAnd,     // all of `keys`
    kOr,      // one of `keys`
    kNot,     // not `keys[0]`
  };
  Kind kind = Kind::kAll;
  std::uint64_t number = 0;
  std::chrono::sys_days date{};
  std::string field;
  std::string text;  // UTF-8: the parser has seen to the CHARSET
  SequenceSet set;
  std::vector<SearchKey> keys;

  friend bool operator==(const SearchKey&, const SearchKey&) = default;
};

// The parser's bounds on what a client may ask for; more is NO [LIMIT].
inline constexpr std::size_t kSearchDepthMax = 50;
inline constexpr std::size_t kSearchKeysMax = 1000;
// Of BODY and TEXT: each is looked for in every byte of every message.
inline constexpr std::size_t kSearchContentKeysMax = 32;

struct SearchReturn {  // RETURN (...), RFC 4731 §3.1; "RETURN ()" is ALL
  bool min = false, max = false, all = false, count = false;
  friend bool operator==(const SearchReturn&, const SearchReturn&) = default;
};

struct SearchRequest {
  std::string charset;               // as written; empty: US-ASCII
  std::optional<SearchReturn> want;  // absent: answered with SEARCH, present: with ESEARCH
  SearchKey key;                     // kAnd of the command's keys

  // A MODSEQ key anywhere makes the answer carry the highest modseq (RFC 7162 §3.1.5).
  bool wants_modseq() const;
};

}  // namespace everpost::node::imap
