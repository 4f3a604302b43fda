#include <algorithm>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/utf8.h>

#include "base/invariant.h"
#include "node/mime/text.h"

namespace everpost::node::mime {
namespace {

constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Longer runs without an ASCII character are cut between any two characters.
constexpr std::size_t kHeldBytesMax = 256;

const icu::Normalizer2& nfkc_casefold() {
  static const icu::Normalizer2* const normalizer = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* found = icu::Normalizer2::getNFKCCasefoldInstance(error);
    INVARIANT(U_SUCCESS(error), "ICU has its own data");
    return found;
  }();
  return *normalizer;
}

void fold(std::string_view text, std::string& to) {
  if (std::ranges::all_of(text, is_ascii)) {
    const std::size_t begin = to.size();
    to += text;
    std::transform(to.begin() + static_cast<std::ptrdiff_t>(begin), to.end(),
                   to.begin() + static_cast<std::ptrdiff_t>(begin), lower);
    return;
  }
  icu::StringByteSink<std::string> sink(&to);
  UErrorCode error = U_ZERO_ERROR;
  nfkc_casefold().normalizeUTF8(
      0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr,
      error);
  INVARIANT(U_SUCCESS(error), "only running out of memory fails here");
}

// Where text may be cut: before its last ASCII character, which may be the base of a combining
// mark in the next piece, or between two characters if there is none nearby.
std::size_t cut(std::string_view text) {
  const std::size_t begin = text.size() - std::min(text.size(), kHeldBytesMax);
  for (std::size_t at = text.size(); at-- > begin;)
    if (is_ascii(text[at])) return at;
  if (begin == 0) return 0;  // all of it can wait
  std::size_t at = text.size() - 1;
  while (at > begin && U8_IS_TRAIL(text[at])) --at;
  return at;
}

}  // namespace

void CaseFolder::feed(std::string_view piece, std::string& to) {
  constexpr std::size_t kPieceBytesMax = 1 << 20;  // ICU counts in 32 bits
  while (!piece.empty()) {
    const std::string_view some = piece.substr(0, kPieceBytesMax);
    piece.remove_prefix(some.size());
    held_ += some;
    const std::size_t end = cut(held_);
    fold(std::string_view(held_).substr(0, end), to);
    held_.erase(0, end);
  }
}

void CaseFolder::finish(std::string& to) {
  fold(held_, to);
  held_.clear();
}

std::string fold_case(std::string_view text) {
  std::string folded;
  CaseFolder folder;
  folder.feed(text, folded);
  folder.finish(folded);
  return folded;
}

}  // namespace everpost::node::mime
