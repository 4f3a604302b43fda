#include "node/mime/text.h"

#include <gmime/gmime.h>
#include <mutex>

#include "node/mime/content_fields.h"
#include "node/mime/field.h"

namespace everpost::node::mime {
namespace {

void init_gmime() {
  static std::once_flag once;
  std::call_once(once, g_mime_init);
}

struct GFree {
  void operator()(char* text) const { g_free(text); }
};
struct Unref {
  void operator()(GMimeFilter* filter) const { g_object_unref(filter); }
};

// To UTF-8 from what a part says it is; nullptr if it is UTF-8 already, ASCII or unknown.
std::unique_ptr<GMimeFilter, Unref> charset_filter(const Part& part) {
  const std::optional<std::string> charset = ascii_parameter(part.parameters, "charset");
  if (!charset || charset->empty() || equal_fold(*charset, "utf-8") ||
      equal_fold(*charset, "utf8") || equal_fold(*charset, "us-ascii"))
    return nullptr;
  return std::unique_ptr<GMimeFilter, Unref>(g_mime_filter_charset_new(charset->c_str(), "UTF-8"));
}

}  // namespace

std::string decode_header(std::string_view value) {
  // Most values are plain ASCII without an encoded-word.
  bool plain = value.find("=?") == std::string_view::npos;
  for (const char c : value) plain &= c > 0;
  if (plain) return std::string(value);
  init_gmime();
  const std::string text = unfold(value);  // without NUL
  const std::unique_ptr<char, GFree> decoded(
      g_mime_utils_header_decode_text(nullptr, text.c_str()));
  return decoded ? std::string(decoded.get()) : text;
}

std::optional<std::chrono::sys_days> written_day(std::string_view date) {
  init_gmime();
  const std::string text = unfold(date);
  GDateTime* time = g_mime_utils_header_decode_date(text.c_str());
  if (!time) return std::nullopt;
  const std::chrono::year_month_day day(
      std::chrono::year(g_date_time_get_year(time)),
      std::chrono::month(static_cast<unsigned>(g_date_time_get_month(time))),
      std::chrono::day(static_cast<unsigned>(g_date_time_get_day_of_month(time))));
  g_date_time_unref(time);
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day);
}

struct TextDecoder::State {
  GMimeEncoding encoding;
  bool encoded = false;
  std::unique_ptr<GMimeFilter, Unref> charset;
  std::string decoded;  // reused from piece to piece

  std::string_view undo_encoding(std::string_view piece) {
    if (!encoded) return piece;
    decoded.resize(g_mime_encoding_outlen(&encoding, piece.size()));
    decoded.resize(g_mime_encoding_step(&encoding, piece.data(), piece.size(), decoded.data()));
    return decoded;
  }
};

TextDecoder::TextDecoder(const Part& part) : state_(std::make_unique<State>()) {
  init_gmime();
  GMimeContentEncoding encoding = GMIME_CONTENT_ENCODING_DEFAULT;
  if (equal_fold(part.encoding, "base64")) encoding = GMIME_CONTENT_ENCODING_BASE64;
  if (equal_fold(part.encoding, "quoted-printable"))
    encoding = GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
  state_->encoded = encoding != GMIME_CONTENT_ENCODING_DEFAULT;
  g_mime_encoding_init_decode(&state_->encoding, encoding);
  state_->charset = charset_filter(part);
}
TextDecoder::TextDecoder(TextDecoder&&) noexcept = default;
TextDecoder::~TextDecoder() = default;

void TextDecoder::feed(std::string_view piece, std::string& to) {
  const std::string_view bytes = state_->undo_encoding(piece);
  if (!state_->charset || bytes.empty()) {
    to += bytes;
    return;
  }
  // The filter reads its input only; its signature is from a time before const.
  char* text = nullptr;
  std::size_t text_bytes = 0, room = 0;
  g_mime_filter_filter(state_->charset.get(), const_cast<char*>(bytes.data()), bytes.size(), 0,
                       &text, &text_bytes, &room);
  to.append(text, text_bytes);
}

void TextDecoder::finish(std::string& to) {
  if (!state_->charset) return;
  char none = 0;
  char* text = nullptr;
  std::size_t text_bytes = 0, room = 0;
  g_mime_filter_complete(state_->charset.get(), &none, 0, 0, &text, &text_bytes, &room);
  to.append(text, text_bytes);
}

}  // namespace everpost::node::mime
