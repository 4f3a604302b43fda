#include "node/cli/http_reply.h"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace everpost::cli {
namespace {

Error bad(const std::string& what) {
  return Error{ErrorCode::kInvalidArgument, "what answers does not speak our HTTP: " + what};
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && parsed == end;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

// `header` up to and with the empty line.
Result<void> HttpReplyReader::read_header(std::string_view header) {
  // HTTP/1.1 200 OK: RFC 9112 §4
  const std::string_view line = header.substr(0, header.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !parse(line.substr(9, 3), status_) || (line.size() > 12 && line[12] != ' '))
    return bad("no status line");
  for (header.remove_prefix(line.size() + 2); header != "\r\n";) {
    const std::string_view field = header.substr(0, header.find("\r\n"));
    header.remove_prefix(field.size() + 2);
    const std::size_t colon = field.find(':');
    if (colon == field.npos) return bad("a field without a colon");
    const std::string_view name = field.substr(0, colon), value = trim(field.substr(colon + 1));
    if (same(name, "transfer-encoding")) return bad("a body in chunks");
    if (same(name, "content-length") && !parse(value, body_bytes_.emplace()))
      return bad("a Content-Length that is no number");
  }
  return {};
}

Result<bool> HttpReplyReader::add(std::string_view bytes) {
  bytes_ += bytes;
  if (body_at_ == 0) {
    const std::size_t end = bytes_.find("\r\n\r\n");
    if (std::min(end, bytes_.size()) > kHeaderBytesMax)
      return Error{ErrorCode::kTooLarge, "a header of more than 64 KiB"};
    if (end == bytes_.npos) return false;
    body_at_ = end + 4;
    RETURN_IF_ERROR(read_header(std::string_view(bytes_).substr(0, body_at_)));
  }
  const std::size_t have = bytes_.size() - body_at_;
  if (std::max(have, body_bytes_.value_or(0)) > kBodyBytesMax)
    return Error{ErrorCode::kTooLarge, "an answer of more than 64 MiB"};
  return body_bytes_ && have >= *body_bytes_;
}

Result<void> HttpReplyReader::end() {
  if (body_at_ == 0 || (body_bytes_ && bytes_.size() - body_at_ < *body_bytes_))
    return Error{ErrorCode::kClosed, "the connection ended before the answer was complete"};
  return {};
}

HttpReply HttpReplyReader::take() {
  return {status_, bytes_.substr(body_at_, body_bytes_.value_or(std::string::npos))};
}

}  // namespace everpost::cli
