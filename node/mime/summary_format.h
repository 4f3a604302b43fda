// Versions of a summary's stored form (docs/formats/mime_summary.md).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace everpost::node::mime {

// New fields need no new number; one that changes what old fields mean does.
inline constexpr std::uint16_t kSummaryFormat = 1;

// What most mail says, letter by letter, is stored as a place in these lists. A place, once used,
// keeps its meaning; new ones come at the end, and need a new kSummaryFormat. Place 0 is what holds
// if a part says nothing.
struct KnownType {
  std::string_view type, subtype;
};
inline constexpr std::array kTypes{
    KnownType{"TEXT", "PLAIN"},
    KnownType{"text", "plain"},
    KnownType{"text", "html"},
    KnownType{"multipart", "mixed"},
    KnownType{"multipart", "alternative"},
    KnownType{"multipart", "related"},
    KnownType{"multipart", "signed"},
    KnownType{"multipart", "report"},
    KnownType{"message", "rfc822"},
    KnownType{"message", "delivery-status"},
    KnownType{"application", "pdf"},
    KnownType{"application", "octet-stream"},
    KnownType{"image", "jpeg"},
    KnownType{"image", "png"},
    KnownType{"image", "gif"},
    KnownType{"text", "calendar"},
};
inline constexpr std::array<std::string_view, 6> kEncodings{"7BIT",   "7bit",   "8bit",
                                                            "base64", "binary", "quoted-printable"};
inline constexpr std::uint8_t kSpeltOut = 255;  // not known: the text is there

}  // namespace everpost::node::mime
