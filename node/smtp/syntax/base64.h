// Base64 (RFC 4648 §4), as AUTH uses it: padded, without line breaks or anything else in between.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace everpost::node::smtp {

std::string encode_base64(std::string_view bytes);
// Nothing if `text` is not exactly what encode_base64() makes of some bytes.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace everpost::node::smtp
