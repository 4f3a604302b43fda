// What one message's summary may take, so that no message, however it is made, gets a summary that
// does not fit beside it into a record of the log.
#pragma once

#include <cstddef>
#include <string>

#include "node/mime/summary.h"

namespace everpost::node::mime {

class Budget {
 public:
  // False, and nothing is taken, if there is not that much left.
  bool take(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  // For one part without text; bounds the number of parts, too.
  bool take_part() {
    if (parts_left_ == 0 || !take(kPartBytes)) return false;
    --parts_left_;
    return true;
  }
  // For a text: what the encoded form needs at most, the pointer to it included.
  bool take_text(std::string_view text) { return take(kTextBytes + text.size() * 9 / 8); }
  bool take_address() {
    if (addresses_left_ == 0 || !take(kAddressBytes)) return false;
    --addresses_left_;
    return true;
  }

 private:
  // Upper bounds of what encode() makes of each (Cap'n Proto, packed).
  static constexpr std::size_t kPartBytes = 24;
  static constexpr std::size_t kTextBytes = 16;
  static constexpr std::size_t kAddressBytes = 8;

  std::size_t left_ = kSummaryBytesMax - 1024;
  std::size_t parts_left_ = kPartsMax;
  std::size_t addresses_left_ = kAddressesMax;
};

}  // namespace everpost::node::mime
