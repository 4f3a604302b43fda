// Names of mailboxes: UTF-8, '/' between levels, the first of which may be INBOX in capitals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everpost::storage::mail {

inline constexpr std::string_view kInbox = "INBOX";

// Errors: kInvalidArgument (empty level, malformed UTF-8, control characters, "inbox" not in
// capitals), kLimit (too long, too deep).
Result<void> check_name(std::string_view name);

// "a/b/c" -> "a", "a/b".
std::vector<std::string_view> superiors(std::string_view name);

}  // namespace everpost::storage::mail
