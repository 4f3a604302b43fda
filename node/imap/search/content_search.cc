#include "node/imap/search/content_search.h"

#include <algorithm>

#include "node/mime/field.h"
#include "node/mime/text.h"

namespace everpost::node::imap {
namespace {

// As long as the pieces that bodies are stored and checked in, and aligned as they are.
constexpr std::uint64_t kWindowBytes = 256 << 10;

void list(const mime::Part& part, std::vector<const mime::Part*>& to) {
  to.push_back(&part);
  for (const mime::Part& child : part.children) list(child, to);
}

Error corrupt() {
  return {ErrorCode::kCorrupt, "a message's summary points beyond the message's end"};
}

}  // namespace

ContentSearch::ContentSearch(const std::vector<std::string>& needles, const mime::Summary& summary,
                             std::uint64_t message_bytes, const mime::ReadAt& read)
    : message_bytes_(message_bytes), read_(read), in_header_(needles), in_body_(needles) {
  list(summary.root, parts_);
}

Result<std::string> ContentSearch::header() { return read_header(*parts_.front()); }

Result<void> ContentSearch::advance() {
  if (done()) return {};
  const mime::Part& part = *parts_[next_];
  // The header of the message itself is no part of its body (RFC 3501 §6.4.4: TEXT is header or
  // body); those of parts and of messages within are.
  RETURN_IF_ERROR(search_header(part, next_ == 0 ? in_header_ : in_body_));
  if (part.children.empty() && mime::equal_fold(part.type, "text"))
    RETURN_IF_ERROR(search_text(part));
  ++next_;
  return {};
}

Result<std::string_view> ContentSearch::window(std::uint64_t at) {
  if (at >= message_bytes_) return corrupt();
  const std::uint64_t begin = at - at % kWindowBytes;
  if (window_.empty() || window_at_ != begin) {
    window_.resize(std::min(kWindowBytes, message_bytes_ - begin));
    window_at_ = begin;
    if (auto read = read_(begin, std::as_writable_bytes(std::span(window_))); !read) {
      window_.clear();
      return std::move(read).error();
    }
  }
  return std::string_view(window_).substr(at - begin);
}

Result<std::string> ContentSearch::read_header(const mime::Part& part) {
  const std::uint64_t end =
      part.header_at + std::min<std::uint64_t>(part.header_bytes, mime::kHeaderFieldBytesMax);
  std::string header;
  for (std::uint64_t at = part.header_at; at < end;) {
    ASSIGN_OR_RETURN(std::string_view piece, window(at));
    piece = piece.substr(0, end - at);
    header += piece;
    at += piece.size();
  }
  return header;
}

Result<void> ContentSearch::search_header(const mime::Part& part, Needles& needles) {
  ASSIGN_OR_RETURN(const std::string header, read_header(part));
  mime::FieldReader reader(header);
  for (mime::Field field; reader.next(field) && !needles.all_found();) {
    std::string line(field.name);
    if (!line.empty()) line += ": ";
    line += mime::decode_header(mime::unfold(field.value));
    needles.feed(mime::fold_case(line));
    needles.end();
  }
  return {};
}

Result<void> ContentSearch::search_text(const mime::Part& part) {
  mime::TextDecoder decoder(part);
  mime::CaseFolder folder;
  std::string text, folded;
  const std::uint64_t end = part.body_at + part.body_bytes;
  for (std::uint64_t at = part.body_at; at < end && !in_body_.all_found();) {
    ASSIGN_OR_RETURN(std::string_view piece, window(at));
    piece = piece.substr(0, end - at);
    at += piece.size();
    text.clear();
    folded.clear();
    decoder.feed(piece, text);
    if (at == end) decoder.finish(text);
    folder.feed(text, folded);
    if (at == end) folder.finish(folded);
    in_body_.feed(folded);
  }
  in_body_.end();
  return {};
}

}  // namespace everpost::node::imap
