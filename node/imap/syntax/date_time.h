// Dates as IMAP clients write them (RFC 3501 §9).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace everpost::node::imap {

// date-text, without quotes: "1-Feb-1994".
std::optional<std::chrono::sys_days> parse_date(std::string_view text);
// date-time, without quotes: " 7-Feb-1994 21:52:25 -0800".
std::optional<WallTime> parse_date_time(std::string_view text);

}  // namespace everpost::node::imap
