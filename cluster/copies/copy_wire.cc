#include "cluster/copies/copy_wire.h"

namespace everpost::cluster {
namespace {

constexpr std::uint8_t kVersion = 1;

class Writer {
 public:
  template <std::unsigned_integral T>
  void put(T value) {
    append_le(bytes_, value);
  }
  template <class Tag, class Rep>
  void put(Strong<Tag, Rep> value) {
    append_le(bytes_, value.value);
  }
  void put(Lsn lsn) { append_le(bytes_, lsn.value); }
  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads on after the end as zero; done() tells.
class Reader {
 public:
  explicit Reader(Bytes bytes) : left_(bytes) {}

  template <std::unsigned_integral T>
  void get(T& value) {
    value = 0;
    if (!enough(sizeof value)) return;
    value = load_le<T>(left_.data());
    left_ = left_.subspan(sizeof value);
  }
  template <class Tag, class Rep>
  void get(Strong<Tag, Rep>& value) {
    get(value.value);
  }
  void get(Lsn& lsn) { get(lsn.value); }
  void get(std::string& text) {
    std::uint32_t bytes = 0;
    get(bytes);
    if (!enough(bytes)) return;
    text = as_text(left_.first(bytes));
    left_ = left_.subspan(bytes);
  }
  // A number of things that take at least `bytes` each.
  std::uint32_t count(std::size_t bytes) {
    std::uint32_t count = 0;
    get(count);
    if (!enough(std::uint64_t{count} * bytes)) return 0;
    return count;
  }
  template <class T>
  Result<T> done(T value) const {
    if (!short_ && left_.empty()) return value;
    return Error{ErrorCode::kCorrupt, "a node's words about a copy have the wrong length"};
  }

 private:
  bool enough(std::uint64_t bytes) {
    if (bytes <= left_.size()) return true;
    short_ = true;
    left_ = {};
    return false;
  }
  Bytes left_;
  bool short_ = false;
};

// The fields of each, in order, for both directions.
template <class With>
void fields(ExtentRequest& r, With with) {
  with(r.shard), with(r.extent.at), with(r.extent.bytes), with(r.extent.crc);
}
template <class With>
void fields(RecordsRequest& r, With with) {
  with(r.shard), with(r.from), with(r.to);
}
template <class With>
void fields(LogStateRequest& r, With with) {
  with(r.shard);
}
template <class With>
void fields(SeedOpenRequest& r, With with) {
  with(r.shard);
}
template <class With>
void fields(SeedSegmentRequest& r, With with) {
  with(r.seed), with(r.base), with(r.offset);
}
template <class With>
void fields(SeedIndexRequest& r, With with) {
  with(r.seed), with(r.after);
}
template <class With>
void fields(SeedCloseRequest& r, With with) {
  with(r.seed);
}
template <class With>
void fields(SeedPunchedRequest& r, With with) {
  with(r.seed), with(r.base);
}
template <class With>
void fields(LogState& s, With with) {
  with(s.begin), with(s.applied), with(s.lineage);
}
template <class With>
void fields(SeedOffer::Segment& s, With with) {
  with(s.base), with(s.end), with(s.epoch);
}

template <class T>
void write(Writer& writer, T value) {
  fields(value, [&](const auto& field) { writer.put(field); });
}
template <class T>
T read(Reader& reader) {
  T value;
  fields(value, [&](auto& field) { reader.get(field); });
  return value;
}

template <std::size_t kIndex = 0>
Result<CopyRequest> read_request(std::uint8_t kind, Reader reader) {
  if constexpr (kIndex == std::variant_size_v<CopyRequest>) {
    return Error{ErrorCode::kUnsupported, "a request about a copy that this release does not know"};
  } else {
    if (kind != kIndex) return read_request<kIndex + 1>(kind, reader);
    auto request = read<std::variant_alternative_t<kIndex, CopyRequest>>(reader);
    return reader.done(CopyRequest(std::move(request)));
  }
}

}  // namespace

std::string encode(const CopyRequest& request) {
  Writer writer;
  writer.put(kVersion);
  writer.put(static_cast<std::uint8_t>(request.index()));
  std::visit([&](const auto& one) { write(writer, one); }, request);
  return writer.take();
}

Result<CopyRequest> decode_copy_request(Bytes bytes) {
  Reader reader(bytes);
  std::uint8_t version = 0, kind = 0;
  reader.get(version);
  reader.get(kind);
  if (version != kVersion)
    return Error{ErrorCode::kUnsupported, "a request about a copy of another version"};
  return read_request(kind, reader);
}

std::string encode(const LogState& state) {
  Writer writer;
  write(writer, state);
  return writer.take();
}

Result<LogState> decode_log_state(Bytes bytes) {
  Reader reader(bytes);
  auto state = read<LogState>(reader);
  return reader.done(state);
}

std::string encode(const SeedOffer& offer) {
  Writer writer;
  writer.put(offer.seed);
  writer.put(offer.lineage);
  writer.put(offer.applied);
  writer.put(offer.digest.low);
  writer.put(offer.digest.high);
  writer.put(static_cast<std::uint32_t>(offer.segments.size()));
  for (const SeedOffer::Segment& segment : offer.segments) write(writer, segment);
  return writer.take();
}

Result<SeedOffer> decode_seed_offer(Bytes bytes) {
  Reader reader(bytes);
  SeedOffer offer;
  reader.get(offer.seed);
  reader.get(offer.lineage);
  reader.get(offer.applied);
  reader.get(offer.digest.low);
  reader.get(offer.digest.high);
  for (std::uint32_t left = reader.count(20); left > 0; --left)
    offer.segments.push_back(read<SeedOffer::Segment>(reader));
  ASSIGN_OR_RETURN(offer, reader.done(std::move(offer)));
  Lsn last;
  for (const SeedOffer::Segment& segment : offer.segments) {
    if (segment.base < last || segment.end <= segment.base || segment.end > offer.applied)
      return Error{ErrorCode::kCorrupt, "a node offers segments that do not fit together"};
    last = segment.end;
  }
  if (offer.segments.size() > CopyLimits::segments || last != offer.applied)
    return Error{ErrorCode::kCorrupt, "a node offers a log that does not reach to its index"};
  return offer;
}

std::string encode(const SeedPiece& piece) {
  Writer writer;
  writer.put(piece.bytes);
  writer.put(static_cast<std::uint32_t>(piece.runs.size()));
  for (const SeedPiece::Run& run : piece.runs) {
    writer.put(run.offset);
    writer.put(run.bytes);
  }
  return writer.take();
}

Result<SeedPiece> decode_seed_piece(Bytes bytes) {
  Reader reader(bytes);
  SeedPiece piece;
  reader.get(piece.bytes);
  bool fits = piece.bytes <= CopyLimits::piece_bytes;
  for (std::uint32_t left = reader.count(8); left > 0; --left) {
    SeedPiece::Run& run = piece.runs.emplace_back();
    reader.get(run.offset);
    reader.get(run.bytes);
    fits = fits && run.offset <= piece.bytes && run.bytes.size() <= piece.bytes - run.offset;
  }
  if (!fits) return Error{ErrorCode::kCorrupt, "a node sent more of a segment than it said"};
  return reader.done(std::move(piece));
}

std::string encode(const SeedKeys& keys) {
  Writer writer;
  writer.put(static_cast<std::uint8_t>(keys.done));
  writer.put(static_cast<std::uint32_t>(keys.entries.size()));
  for (const auto& [key, value] : keys.entries) {
    writer.put(std::string_view(key));
    writer.put(std::string_view(value));
  }
  return writer.take();
}

Result<SeedKeys> decode_seed_keys(Bytes bytes) {
  Reader reader(bytes);
  SeedKeys keys;
  std::uint8_t done = 0;
  reader.get(done);
  keys.done = done != 0;
  for (std::uint32_t left = reader.count(8); left > 0; --left) {
    auto& [key, value] = keys.entries.emplace_back();
    reader.get(key);
    reader.get(value);
  }
  return reader.done(std::move(keys));
}

std::string encode(const SeedPunched& punched) {
  Writer writer;
  writer.put(static_cast<std::uint32_t>(punched.ranges.size()));
  for (const storage::Log::Range& range : punched.ranges) {
    writer.put(range.at);
    writer.put(range.bytes);
  }
  return writer.take();
}

Result<SeedPunched> decode_seed_punched(Bytes bytes) {
  Reader reader(bytes);
  SeedPunched punched;
  bool fits = true;
  for (std::uint32_t left = reader.count(12); left > 0; --left) {
    storage::Log::Range range;
    reader.get(range.at);
    reader.get(range.bytes);
    fits = fits && range.bytes > 0 &&
           (punched.ranges.empty() || punched.ranges.back().end() <= range.at);
    punched.ranges.push_back(range);
  }
  if (!fits) return Error{ErrorCode::kCorrupt, "a node's holes in a segment are in disorder"};
  return reader.done(std::move(punched));
}

}  // namespace everpost::cluster
