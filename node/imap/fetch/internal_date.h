// INTERNALDATE (RFC 3501 §9, date-time), in UTC.
#pragma once

#include <string>

#include "base/clock.h"

namespace everpost::node::imap {

// "\" 7-Feb-1994 21:52:25 +0000\"", quotes included.
void append_internal_date(WallTime time, std::string& to);

}  // namespace everpost::node::imap
