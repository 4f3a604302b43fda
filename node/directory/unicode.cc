#include "node/directory/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

namespace everpost::node {
namespace {

Result<void> check_characters(std::string_view text) {
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    if (c < 0) return Error{ErrorCode::kInvalidArgument, "not valid UTF-8"};
    const auto category = u_charType(c);
    // Nothing that could break or hide part of a line, or that no text may contain.
    if (category == U_CONTROL_CHAR || category == U_LINE_SEPARATOR ||
        category == U_PARAGRAPH_SEPARATOR || U_IS_UNICODE_NONCHAR(c))
      return Error{ErrorCode::kInvalidArgument, "a control character"};
  }
  return {};
}

}  // namespace

Result<std::string> unicode_lower(std::string_view text) {
  RETURN_IF_ERROR(check_characters(text));
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return Error{ErrorCode::kInternal, u_errorName(status)};

  icu::UnicodeString value = icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
  // Composing can make a letter that has a lower case, and lowering can leave marks that compose:
  // a second round reaches the fixed point.
  for (int round = 0; round < 2; ++round) {
    value = nfc->normalize(value, status);
    if (U_FAILURE(status)) return Error{ErrorCode::kInvalidArgument, u_errorName(status)};
    value.toLower(icu::Locale::getRoot());
  }
  value = nfc->normalize(value, status);
  if (U_FAILURE(status)) return Error{ErrorCode::kInvalidArgument, u_errorName(status)};
  std::string result;
  value.toUTF8String(result);
  return result;
}

}  // namespace everpost::node
