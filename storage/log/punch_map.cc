#include "storage/log/punch_map.h"

#include <algorithm>

#include "base/crc32c.h"
#include "storage/log/record_codec.h"

namespace everpost::storage {
namespace {

constexpr std::string_view kMagic = "MLOGPM01";
constexpr std::size_t kEntryBytes = 16;
constexpr std::uint64_t kFileBytesMax = 16 << 20;

using Range = Log::Range;

void append_entry(std::string& to, std::uint32_t seed, std::string_view first, std::uint32_t last) {
  std::string entry(first);
  append_le(entry, last);
  append_le(entry, crc32c_extend(seed, as_bytes(entry)));
  to += entry;
}

void append_entry(std::string& to, std::uint32_t seed, const Range& range) {
  std::string at;
  append_le(at, range.at.value);
  append_entry(to, seed, at, range.bytes);
}

bool before(const Range& a, const Range& b) { return a.at < b.at; }

}  // namespace

bool PunchMap::touches(Lsn at, std::uint64_t bytes) const {
  if (bytes == 0) return false;
  const auto next = std::ranges::upper_bound(ranges_, at, {}, &Range::at);
  if (next != ranges_.begin() && std::prev(next)->end() > at) return true;
  return next != ranges_.end() && next->at < at + bytes;
}

std::uint64_t PunchMap::bytes_within(Lsn at, std::uint64_t bytes) const {
  std::uint64_t sum = 0;
  for (auto next = std::ranges::lower_bound(ranges_, at, {}, &Range::at);
       next != ranges_.end() && next->end() <= at + bytes; ++next)
    sum += next->bytes;
  return sum;
}

std::vector<Range> PunchMap::missing(std::span<const Range> ranges) const {
  std::vector<Range> left;
  for (const Range& range : ranges)
    if (range.bytes > 0 && !touches(range.at, range.bytes)) left.push_back(range);
  std::ranges::sort(left, before);
  // Two bodies have no byte in common, unless the index is wrong.
  const auto overlaps = [](const Range& a, const Range& b) { return a.end() > b.at; };
  left.erase(std::ranges::unique(left, overlaps).begin(), left.end());
  return left;
}

void PunchMap::add(std::span<const Range> ranges) {
  std::vector<Range> all;
  all.reserve(ranges_.size() + ranges.size());
  std::ranges::merge(ranges_, ranges, std::back_inserter(all), before);
  ranges_ = std::move(all);
  for (const Range& range : ranges) bytes_ += range.bytes;
}

void PunchMap::settle(std::uint64_t file_bytes) {
  unsure_.clear();
  file_bytes_ = file_bytes;
}

Range whole_blocks(const SegmentHeader& segment, const Range& range) {
  const std::uint64_t from = (segment.offset_of(range.at) + kPunchBytes - 1) / kPunchBytes;
  const std::uint64_t to = segment.offset_of(range.end()) / kPunchBytes;
  if (from >= to) return {range.at, 0};
  return {segment.base() + (from * kPunchBytes - kSegmentHeaderBytes),
          static_cast<std::uint32_t>((to - from) * kPunchBytes)};
}

std::string punch_map_name(const SegmentHeader& segment) {
  std::string name = segment_name(segment);
  return name.substr(0, name.rfind('.')) + ".pm";
}

std::string encode_punches(const SegmentHeader& segment, std::span<const Range> ranges,
                           bool begin) {
  const std::uint32_t seed = header_seed(segment.identity);
  std::string bytes;
  if (begin) append_entry(bytes, seed, kMagic, segment.epoch.value);
  for (const Range& range : ranges) append_entry(bytes, seed, range);
  return bytes;
}

std::string encode_punches_done(const SegmentHeader& segment) {
  std::string bytes;
  append_entry(bytes, header_seed(segment.identity), Range{segment.base(), 0});
  return bytes;
}

Result<PunchMap> decode_punch_map(Bytes bytes, const SegmentHeader& segment) {
  const std::uint32_t seed = header_seed(segment.identity);
  PunchMap map;
  std::vector<Range> found;
  for (std::size_t at = 0; at < bytes.size(); at += kEntryBytes) {
    map.file_bytes_ = at + kEntryBytes;  // nothing is written over the half of an entry
    const Bytes entry = bytes.subspan(at, std::min(kEntryBytes, bytes.size() - at));
    if (entry.size() < kEntryBytes ||
        load_le<std::uint32_t>(&entry[12]) != crc32c_extend(seed, entry.first(12))) {
      map.damaged_ = true;
      continue;
    }
    if (at == 0) {
      const std::string_view magic = as_text(entry.first(kMagic.size()));
      if (magic == kMagic) continue;
      return Error{ErrorCode::kUnsupported,
                   "punch map format \"" + std::string(magic) + "\" is newer than this program"};
    }
    const Range range{Lsn{load_le<std::uint64_t>(&entry[0])}, load_le<std::uint32_t>(&entry[8])};
    if (range.bytes == 0) {
      map.unsure_.clear();
      continue;
    }
    // Twice, if the process that noted it first came to no end.
    map.unsure_.push_back(range);
    found.push_back(range);
  }
  map.add(map.missing(found));
  return map;
}

Result<PunchMap> read_punch_map(Env& env, const std::string& folder, const SegmentHeader& segment) {
  const std::string path = folder + "/" + punch_map_name(segment);
  auto bytes = read_file(env, path, kFileBytesMax);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return PunchMap{};
  if (!bytes) return in_context(path, std::move(bytes).error());
  auto map = decode_punch_map(as_bytes(*bytes), segment);
  if (!map) return in_context(path, std::move(map).error());
  return map;
}

}  // namespace everpost::storage
