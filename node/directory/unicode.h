// UTF-8 text in the form that addresses are compared in.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::node {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Lower case in no particular language, in Unicode's normalization form C. The result is its own
// lower case. Errors: kInvalidArgument (not UTF-8; a control character, line separator or
// noncharacter).
Result<std::string> unicode_lower(std::string_view text);

}  // namespace everpost::node
