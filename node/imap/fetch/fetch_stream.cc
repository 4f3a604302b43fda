#include "node/imap/fetch/fetch_stream.h"

#include <algorithm>
#include <cstring>

#include "base/invariant.h"
#include "node/imap/fetch/internal_date.h"
#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

using Kind = FetchItem::Kind;

// Less than this is copied into one buffer with its neighbours rather than written by itself.
constexpr std::size_t kCopyBytesMax = 4 << 10;

bool item_needs_summary(const FetchItem& item) {
  switch (item.kind) {
    case Kind::kEnvelope:
    case Kind::kBody:
    case Kind::kBodyStructure:
      return true;
    default: {
      const BodySection* section = section_of(item);
      return section && needs_summary(*section);
    }
  }
}

// A message may hold NULs, an IMAP literal may not (RFC 3501 §9, CHAR8). Sizes and positions are
// those of the message, so another byte takes its place, as in Dovecot.
void replace_nul(std::string& bytes, std::size_t from = 0) {
  char* at = bytes.data() + from;
  char* const end = bytes.data() + bytes.size();
  while (at != end) {
    at = static_cast<char*>(std::memchr(at, 0, static_cast<std::size_t>(end - at)));
    if (!at) return;
    *at++ = '\x80';
  }
}

void append_literal_size(std::uint64_t bytes, std::string& to) {
  to += " {" + std::to_string(bytes) + "}\r\n";
}

}  // namespace

FetchStream::FetchStream(std::vector<FetchItem> items)
    : items_(std::move(items)), needs_summaries_(std::ranges::any_of(items_, item_needs_summary)) {
  for (const FetchItem& item : items_) {
    const BodySection* section = section_of(item);
    choices_.push_back(section && chooses_fields(*section) ? std::optional<FieldChoice>(*section)
                                                           : std::nullopt);
  }
}

Result<void> FetchStream::add(const storage::MessageInfo& message, std::uint32_t seq, bool recent,
                              const mime::Summary* summary) {
  // All of the message's sections first, so that nothing of it is appended if one does not fit.
  std::vector<std::optional<Place>> places(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const BodySection* section = section_of(items_[i]);
    if (!section) continue;
    places[i] = find_section(*section, message.size, summary);
    if (places[i] &&
        (places[i]->offset > message.size || places[i]->bytes > message.size - places[i]->offset))
      return Error{ErrorCode::kCorrupt,
                   "uid " + to_string(message.uid) + ": a part is beyond the message's end"};
  }

  contents_.push_back(message.content);
  Piece piece;
  piece.message = contents_.size() - 1;
  std::string& text = piece.text;
  text = "* " + std::to_string(seq) + " FETCH (";
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const FetchItem& item = items_[i];
    if (i > 0) text += ' ';
    switch (item.kind) {
      case Kind::kFlags:
        text += "FLAGS ";
        append_flags(message.flags, recent, text);
        break;
      case Kind::kUid:
        text += "UID " + to_string(message.uid);
        break;
      case Kind::kModSeq:  // RFC 7162 §3.1.4.2
        text += "MODSEQ (" + to_string(message.modseq) + ')';
        break;
      case Kind::kInternalDate:
        text += "INTERNALDATE ";
        append_internal_date(message.internal_date, text);
        break;
      case Kind::kSize:
        text += "RFC822.SIZE " + std::to_string(message.size);
        break;
      case Kind::kEnvelope:
        text += "ENVELOPE " + mime::imap_envelope(summary ? summary->envelope : mime::Envelope{});
        break;
      case Kind::kBody:
        text += "BODY " + mime::imap_body(summary ? summary->root : mime::Part{});
        break;
      case Kind::kBodyStructure:
        text +=
            "BODYSTRUCTURE " + mime::imap_body_structure(summary ? summary->root : mime::Part{});
        break;
      case Kind::kRfc822:
      case Kind::kRfc822Header:
      case Kind::kRfc822Text:
      case Kind::kSection:
        add_section(i, places[i], piece);
        break;
    }
  }
  text += ")\r\n";
  piece.last = true;
  push(std::move(piece));
  return {};
}

void FetchStream::add_section(std::size_t item, std::optional<Place> place, Piece& piece) {
  piece.text += section_name(items_[item]);
  if (!place) {
    piece.text += " NIL";
    return;
  }
  if (const auto& choice = choices_[item]) {
    place->bytes = std::min<std::uint64_t>(place->bytes, mime::kHeaderFieldBytesMax);
    if (place->bytes == 0) {  // nothing to read
      const std::string chosen = choice->of({});
      append_literal_size(chosen.size(), piece.text);
      piece.text += chosen;
      return;
    }
    piece.fields = &*choice;
  } else {
    place = cut(*place, section_of(items_[item])->partial);
    append_literal_size(place->bytes, piece.text);
    if (place->bytes == 0) return;
  }
  piece.offset = place->offset;
  piece.bytes = place->bytes;
  const std::size_t message = piece.message;
  push(std::exchange(piece, Piece{}));
  piece.message = message;
}

void FetchStream::push(Piece piece) {
  pending_text_bytes_ += piece.text.size();
  if (next_piece_ == pieces_.size() || pieces_.back().bytes > 0) {
    pieces_.push_back(std::move(piece));
    return;
  }
  // Text behind text, the response before included, is one piece.
  std::string text = std::move(pieces_.back().text);
  text += piece.text;
  piece.text = std::move(text);
  pieces_.back() = std::move(piece);
}

std::vector<cluster::ByteRange> FetchStream::next(std::uint64_t bytes_max) {
  INVARIANT(bytes_max > 0, "each next() makes progress");
  std::vector<cluster::ByteRange> ranges;
  std::uint64_t text_max = bytes_max;
  while (next_piece_ < pieces_.size()) {
    const Piece& piece = pieces_[next_piece_];
    const bool first = steps_.empty();
    const std::uint64_t text = piece_bytes_ == 0 ? piece.text.size() : 0;
    if (!first && text > text_max) break;
    const std::uint64_t rest = piece.bytes - piece_bytes_;
    // A header is read whole, for its fields are chosen at once.
    const std::uint64_t some =
        piece.fields || rest <= bytes_max ? rest : whole_extents(bytes_max, first);
    if (!first && (some > bytes_max || (some == 0 && rest > 0))) break;
    if (some > 0) ranges.push_back({contents_[piece.message], piece.offset + piece_bytes_, some});
    text_max -= std::min(text_max, text);
    bytes_max -= std::min(bytes_max, some);
    steps_.push_back({next_piece_, piece_bytes_ == 0, some, some == rest});
    if (some < rest) {
      piece_bytes_ += some;
      break;
    }
    ++next_piece_;
    piece_bytes_ = 0;
  }
  return ranges;
}

// Of the next piece, which is longer than `bytes_max`: as much as ends with an extent. If not one
// extent can be passed whole, it is left to the next reading, or cut if it is the `first` of this.
std::uint64_t FetchStream::whole_extents(std::uint64_t bytes_max, bool first) const {
  const Piece& piece = pieces_[next_piece_];
  const std::uint64_t from = piece.offset + piece_bytes_;
  std::uint64_t end = 0, cut = 0;
  for (const storage::Extent& extent : contents_[piece.message]) {
    end += extent.bytes;
    if (end > from + bytes_max) break;
    if (end > from) cut = end - from;
  }
  return cut > 0 || !first ? cut : bytes_max;
}

Result<std::span<const std::string_view>> FetchStream::take(std::vector<std::string> bytes) {
  gathered_.clear();
  outs_.clear();
  views_.clear();
  read_ = std::move(bytes);
  std::uint64_t gathered_bytes = 0;
  for (const Step& step : steps_)
    gathered_bytes +=
        pieces_[step.piece].text.size() + std::min<std::uint64_t>(step.bytes, kCopyBytesMax);
  gathered_.reserve(gathered_bytes);
  std::size_t at = 0;
  for (const Step& step : steps_) {
    std::string* read = nullptr;
    if (step.bytes > 0) {
      if (at == read_.size() || read_[at].size() != step.bytes)
        return Error{ErrorCode::kInternal, "FETCH got other bytes than it asked for"};
      read = &read_[at++];
    }
    gather(step, read);
  }
  if (!steps_.empty()) in_response_ = !steps_.back().whole || !pieces_[steps_.back().piece].last;
  steps_.clear();
  if (done()) {  // ready for the next batch
    pieces_.clear();
    contents_.clear();
    next_piece_ = 0;
  }
  for (const Out& out : outs_)
    views_.push_back(out.read ? std::string_view(*out.read)
                              : std::string_view(gathered_).substr(out.begin, out.end - out.begin));
  return std::span<const std::string_view>(views_);
}

void FetchStream::gather(const Step& step, std::string* bytes) {
  if (outs_.empty() || outs_.back().read)
    outs_.push_back({nullptr, gathered_.size(), gathered_.size()});
  const Piece& piece = pieces_[step.piece];
  if (step.text) {
    gathered_ += piece.text;
    pending_text_bytes_ -= piece.text.size();
  }
  if (bytes && piece.fields) {
    std::string chosen = piece.fields->of(*bytes);
    replace_nul(chosen);
    append_literal_size(chosen.size(), gathered_);
    gathered_ += chosen;
  } else if (bytes && bytes->size() <= kCopyBytesMax) {
    const std::size_t begin = gathered_.size();
    gathered_ += *bytes;
    replace_nul(gathered_, begin);
  }
  outs_.back().end = gathered_.size();
  if (bytes && !piece.fields && bytes->size() > kCopyBytesMax) {
    replace_nul(*bytes);
    outs_.push_back({bytes, 0, 0});
  }
}

}  // namespace everpost::node::imap
