// Address lists of From, To and their like, as ENVELOPE wants them (RFC 3501 §7.4.2): the parts of
// each address as they are written, encoded-words and all. Takes what RFC 5322 §3.4 and §4.4 allow
// and makes the best of the rest.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "node/mime/summary.h"

namespace everpost::node::mime {

// Appends the addresses of `value` (unfolded) to `to`, until `to` holds `addresses_max`. An address
// without a domain gets an empty host: NIL would make a group of it (RFC 3501 §7.4.2).
void parse_addresses(std::string_view value, std::size_t addresses_max, std::vector<Address>& to);

}  // namespace everpost::node::mime
