// ESMTP parameters: what follows the address of MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace everpost::node::smtp {

struct Parameter {  // views of the text that was parsed
  std::string_view keyword;
  std::string_view value;
  bool has_value = false;  // "=" was there, and something behind it
};

// `text` starts with a space, or is empty. Errors: kInvalidArgument; the context is fit for a
// reply.
Result<std::vector<Parameter>> parse_parameters(std::string_view text);

}  // namespace everpost::node::smtp
