// The Content-* fields of a part (RFC 2045, RFC 2183), as BODYSTRUCTURE wants them (RFC 3501
// §7.4.2): parameters as they are written. RFC 2231's continuations and charsets stay as they are,
// clients decode them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "node/mime/summary.h"

namespace everpost::node::mime {

struct ContentType {
  std::string type, subtype;
  Parameters parameters;
};

inline constexpr std::size_t kParametersMax = 100;

// nullopt if there is no "type/subtype": then the default holds (RFC 2045 §5.2). `value` is
// unfolded, here and below.
std::optional<ContentType> parse_content_type(std::string_view value);

struct Disposition {
  std::string kind;  // "attachment"
  Parameters parameters;
};
std::optional<Disposition> parse_disposition(std::string_view value);

// The first token, without comments: "base64". Empty if there is none.
std::string parse_encoding(std::string_view value);

// The parameter's value, or nullptr. Names are compared without case.
const std::string* find_parameter(const Parameters& parameters, std::string_view name);

// The value of a parameter in ASCII (boundary, charset), also if it is written as RFC 2231 §3 and
// §4 allow: in pieces (name*0, name*1), with a charset and percent signs (name*).
std::optional<std::string> ascii_parameter(const Parameters& parameters, std::string_view name);

}  // namespace everpost::node::mime
