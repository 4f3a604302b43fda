// A client's sequence-set (RFC 3501 §9) as it was written: message sequence numbers or UIDs, with
// `*` not yet resolved. What it names depends on the mailbox at the moment of use.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "storage/machine/uid_set.h"

namespace everpost::node::imap {

struct SequenceSet {
  static constexpr std::uint32_t kStar = 0;  // "*"; no nz-number is 0

  struct Range {
    std::uint32_t first = 0, last = 0;  // either order, either may be kStar; "7" is {7, 7}
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::vector<Range> ranges;  // in the client's order, may overlap

  // Is `number` named? `largest` is what `*` stands for: the highest sequence number or UID in use.
  // "9:*" names the largest even if that is below 9 (RFC 3501 §6.4.8).
  bool contains(std::uint32_t number, std::uint32_t largest) const;

  // The numbers as sorted ranges without overlap. With `largest` 0 (an empty mailbox) a `*` names
  // nothing.
  storage::UidSet resolve(std::uint32_t largest) const;

  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;
};

}  // namespace everpost::node::imap
