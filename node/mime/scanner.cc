#include "node/mime/scanner.h"

#include <algorithm>
#include <cstring>

#include "node/mime/field.h"
#include "node/mime/part_fields.h"

namespace everpost::node::mime {
namespace {

// RFC 2046 §5.1.1 allows 70. A longer one than this is none.
constexpr std::size_t kBoundaryBytesMax = 1000;
// Enough of a line to tell a delimiter, a field's name or an empty line from anything else.
constexpr std::size_t kLineStartBytes = kBoundaryBytesMax + 64;

// Does the rest of a delimiter line hold nothing but blanks?
bool is_padding(std::string_view rest) {
  const std::size_t end = rest.find_first_not_of(" \t");
  if (end == std::string_view::npos) return true;
  return rest[end] == '\n' || rest.substr(end).starts_with("\r\n");
}

// A field, the continuation of one, or an mbox separator that a delivery left in front of them.
bool belongs_to_header(std::string_view line, bool first) {
  return field_colon(line) != std::string_view::npos || line.starts_with("From ") ||
         line.starts_with(">From ") ||
         (!first && (line.starts_with(' ') || line.starts_with('\t')));
}

}  // namespace

Summary Scanner::scan() {
  Summary summary;
  budget_.take_part();
  scan_part(summary.root, &summary.envelope, false, 1);
  return summary;
}

Scanner::Stop Scanner::scan_part(Part& part, Envelope* envelope, bool in_digest,
                                 std::size_t depth) {
  part.header_at = at_;
  const std::optional<Stop> in_header = scan_header(part, envelope, in_digest);
  if (in_header) return *in_header;
  part.body_at = at_;
  const std::uint64_t lines_before = lines_;

  Stop stop;
  const bool deeper = depth < kLevelsMax;
  if (std::string boundary = boundary_of(part);
      deeper && !boundary.empty() && boundary.size() <= kBoundaryBytesMax) {
    stop = scan_multipart(part, std::move(boundary), depth);
  } else if (deeper && is_message(part) && budget_.take_part()) {
    part.envelope.emplace();
    stop = scan_part(part.children.emplace_back(), &*part.envelope, false, depth + 1);
  } else {
    stop = scan_body();
  }
  part.body_bytes = stop.content_end - part.body_at;
  part.body_lines = stop.lines - lines_before;
  return stop;
}

Scanner::Stop Scanner::scan_multipart(Part& part, std::string boundary, std::size_t depth) {
  const std::size_t level = boundaries_.size();
  const bool digest = equal_fold(part.subtype, "digest");
  open_boundary(std::move(boundary));
  Stop stop = scan_body();  // the preamble
  while (stop.level == level && !stop.closing && budget_.take_part())
    stop = scan_part(part.children.emplace_back(), nullptr, digest, depth + 1);
  close_boundaries(level);
  // The epilogue. The closing delimiter's line ending may be the one of an enclosing delimiter.
  if (stop.level == level) stop = scan_body(stop.ending_bytes);
  return stop;
}

std::optional<Scanner::Stop> Scanner::scan_header(Part& part, Envelope* envelope, bool in_digest) {
  PartFields fields(part, envelope, budget_, in_digest);
  const std::uint64_t begin = at_;
  bool complete = false;  // enough fields were read
  const auto read_fields = [&](std::uint64_t end) {
    if (!complete)
      fields.read(input_.from(begin).substr(0, std::min(end - begin, kHeaderFieldBytesMax)));
    complete = true;
  };
  // The first line that belongs to no field. In a header that has begun it is passed over if the
  // empty line still comes, for what follows it is then more likely header than body; else it is
  // the body's beginning.
  struct Mark {
    std::uint64_t at, lines;
  };
  std::optional<Mark> text;

  for (;;) {
    const std::string_view line = line_start(complete ? at_ : begin);
    const auto delimiter = match_delimiter(line);
    if (line.empty() || delimiter) {  // no empty line
      const Mark body = text.value_or(Mark{at_, lines_});
      read_fields(body.at);
      const Stop stop = delimiter ? stop_at(*delimiter, text ? ending_bytes_ : 0)
                                  : Stop{.content_end = at_, .lines = lines_};
      part.header_bytes = body.at - begin;
      part.body_at = body.at;
      part.body_bytes = stop.content_end - body.at;
      part.body_lines = stop.lines - body.lines;
      return stop;
    }
    const bool empty_line = line.starts_with('\n') || line.starts_with("\r\n");
    if (!empty_line && !text && !belongs_to_header(line, at_ == begin)) {
      if (at_ == begin) {  // text without a header: all of it is body
        read_fields(begin);
        return std::nullopt;
      }
      text = Mark{at_, lines_};
    }
    while (!pass_line()) {
      if (at_ - begin >= kHeaderFieldBytesMax) read_fields(at_);
      if (!input_.extend(complete ? at_ : begin)) break;
    }
    if (empty_line || at_ - begin >= kHeaderFieldBytesMax) read_fields(at_);
    if (empty_line) {
      part.header_bytes = at_ - begin;
      return std::nullopt;
    }
  }
}

Scanner::Stop Scanner::scan_body(unsigned ending_bytes) {
  if (boundaries_.empty()) return count_lines_to_end();
  for (;;) {
    const std::string_view line = line_start(at_);
    if (line.empty()) return {.content_end = at_, .lines = lines_};
    if (line.starts_with("--"))
      if (const auto delimiter = match_delimiter(line)) return stop_at(*delimiter, ending_bytes);
    ending_bytes = skip_line();
  }
}

Scanner::Stop Scanner::count_lines_to_end() {
  do {
    const std::string_view window = input_.from(at_);
    lines_ += static_cast<std::uint64_t>(std::ranges::count(window, '\n'));
    at_ += window.size();
  } while (input_.extend(at_));
  return {.content_end = at_, .lines = lines_};
}

// A line that begins with "--" and the boundary is a delimiter, whatever follows (RFC 2046 §5.1.1:
// "it is sufficient that the boundary appear in its entirety following the CRLF"). But boundaries
// that begin alike are told apart: a whole line goes before a beginning, a longer beginning before
// a shorter one, an inner multipart before an outer one.
//
// A hundred boundaries may be open, and each line of a message may look like each of them. So they
// are kept sorted, and the line's bytes one by one narrow down which of them it can be.
std::optional<Scanner::Delimiter> Scanner::match_delimiter(std::string_view line) const {
  if (boundaries_.empty() || !line.starts_with("--")) return std::nullopt;
  line = line.substr(2, kLineStartBytes);
  std::optional<Delimiter> best;
  bool best_is_whole = false;
  auto candidates = std::span(sorted_);  // those that begin like the line's first `bytes` bytes
  for (std::size_t bytes = 0;; ++bytes) {
    while (!candidates.empty() && boundaries_[candidates.front()].size() == bytes) {
      const std::size_t level = candidates.front();
      candidates = candidates.subspan(1);
      const std::string_view rest = line.substr(bytes);
      const bool closing = rest.starts_with("--");
      const bool whole = is_padding(rest) || (closing && is_padding(rest.substr(2)));
      const bool same = best && boundaries_[best->level].size() == bytes;  // of an inner multipart
      if (same || (best_is_whole && !(whole && level > best->level))) continue;
      best = Delimiter{level, closing};
      best_is_whole = whole;
    }
    if (candidates.empty() || bytes == line.size()) return best;
    const auto found = std::ranges::equal_range(
        candidates, static_cast<unsigned char>(line[bytes]), {},
        [&](std::size_t level) { return static_cast<unsigned char>(boundaries_[level][bytes]); });
    candidates = std::span(found.begin(), found.end());
  }
}

void Scanner::open_boundary(std::string boundary) {
  // Of equal ones the innermost comes first.
  const auto place = std::ranges::lower_bound(
      sorted_, boundary, {},
      [&](std::size_t level) -> const std::string& { return boundaries_[level]; });
  sorted_.insert(place, boundaries_.size());
  boundaries_.push_back(std::move(boundary));
}

void Scanner::close_boundaries(std::size_t level) {
  boundaries_.resize(level);
  std::erase_if(sorted_, [&](std::size_t open) { return open >= level; });
}

Scanner::Stop Scanner::stop_at(const Delimiter& delimiter, unsigned ending_bytes) {
  Stop stop{.level = delimiter.level,
            .closing = delimiter.closing,
            .content_end = at_ - ending_bytes,
            .lines = lines_ - (ending_bytes > 0 ? 1 : 0)};
  stop.ending_bytes = skip_line();
  return stop;
}

bool Scanner::pass_line() {
  const std::string_view window = input_.from(at_);
  const void* found = window.empty() ? nullptr : std::memchr(window.data(), '\n', window.size());
  if (!found) {
    if (!window.empty()) before_ = window.back();
    at_ += window.size();
    return false;
  }
  const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - window.data());
  if (newline > 0) before_ = window[newline - 1];
  ending_bytes_ = before_ == '\r' ? 2 : 1;
  before_ = '\n';
  at_ += newline + 1;
  ++lines_;
  return true;
}

unsigned Scanner::skip_line() {
  while (!pass_line())
    if (!input_.extend(at_)) return 0;
  return ending_bytes_;
}

std::string_view Scanner::line_start(std::uint64_t keep) {
  std::string_view window = input_.from(at_);
  while (window.size() < kLineStartBytes && input_.extend(keep)) window = input_.from(at_);
  return window;
}

}  // namespace everpost::node::mime
