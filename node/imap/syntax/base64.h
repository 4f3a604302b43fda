// Base64 as SASL uses it (RFC 4648 §4): with padding, on one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace everpost::node::imap {

std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace everpost::node::imap
