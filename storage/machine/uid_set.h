// A set of UIDs as sorted ranges without overlap: what a client's "1:3,7,20:*" becomes once `*` is
// resolved. A few bytes for "all of a million messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"

namespace everpost::storage {

class UidSet {
 public:
  struct Range {
    Uid first, last;  // both included
    friend bool operator==(const Range&, const Range&) = default;
  };

  UidSet() = default;
  static UidSet of(std::vector<Uid> uids);  // any order, repeats allowed

  void add(Uid uid) { add(uid, uid); }
  void add(Uid first, Uid last);  // any order of calls; first <= last
  bool contains(Uid uid) const;
  bool empty() const { return ranges_.empty(); }
  std::uint64_t count() const;
  const std::vector<Range>& ranges() const { return ranges_; }
  std::string to_string() const;  // "1:3,7": IMAP's sequence-set (RFC 3501 §9)

  friend bool operator==(const UidSet&, const UidSet&) = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace everpost::storage
