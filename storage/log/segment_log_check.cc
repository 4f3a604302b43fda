// Reading whole segments to find what has rotted: verify() all of them, scrub() one.
#include <algorithm>

#include "storage/log/record_codec.h"
#include "storage/log/segment_log.h"
#include "storage/log/segment_scanner.h"
#include "storage/log/zero.h"

namespace everpost::storage {
namespace {

// A log that is bad all over would otherwise fill memory with findings.
constexpr std::size_t kFindingsMax = 1000;
constexpr std::uint64_t kPaceBytes = 1 << 20;

bool padding_is_zero(const SegmentScanner::Item& item) {
  const std::size_t meta_end = item.header.header_bytes + item.header.meta_bytes;
  const std::size_t body_at = item.header.body_at() - item.header.lsn;
  return is_zero(item.bytes.subspan(meta_end, body_at - meta_end)) &&
         is_zero(item.bytes.subspan(body_at + item.header.body_bytes));
}

}  // namespace

// `segment` is open. Sets `chain` to its last header's checksum, or to nothing if not all of it is
// valid. False: stopped by `pace`, or the log was cut.
Result<bool> SegmentLog::check(SegmentSet::Segment& segment, std::optional<std::uint32_t>& chain,
                               const Pace& pace, const Report& report) const {
  const Lsn base = segment.header.base();
  std::string bytes(kSegmentHeaderBytes, '\0');
  ASSIGN_OR_RETURN(const std::size_t got,
                   segment.file->read(0, std::as_writable_bytes(std::span(bytes))));
  const auto header = decode_segment_header(as_bytes(bytes).first(got));
  if (!header) report({base, 0, header.error().context}, false);
  if (chain && *chain != segment.header.start.crc)
    report({base, 0, "does not go on where the segment before it ends"}, false);

  bool whole = true;  // and nothing was given back meanwhile
  std::uint64_t holes = 0;
  Lsn paced = base;
  for (Lsn from = base;;) {
    const PunchMapPtr punched = segment.punched;
    SegmentScanner scanner(*segment.file, segment.header, *punched, from, segment.end);
    Result<std::optional<SegmentScanner::Item>> item = scanner.next();
    for (; item && *item; item = scanner.next()) {
      const RecordHeader& record = (*item)->header;
      if (!padding_is_zero(**item))
        report({record.lsn, record.end() - record.lsn, "padding that is not zero"}, false);
      if ((*item)->freed) holes += punched->bytes_within(record.body_at(), record.body_bytes);
      if (scanner.at() - paced < kPaceBytes) continue;
      if (!pace(scanner.at() - paced, 1)) return false;
      paced = scanner.at();
    }
    chain = scanner.tail().crc;
    if (item && !scanner.fault()) break;
    if (segments_.cut_since(segment)) return false;
    whole = false;
    chain.reset();
    from = scanner.at();
    const auto now = segments_.find(from);
    if (!now) return false;         // its segment was removed
    if (now->punched != punched) {  // perhaps it was this body
      segment.punched = now->punched;
      continue;
    }
    // Go on at the next header that is valid by itself, if the disk lets us look for one.
    const auto next = next_header(*segment.file, segment.header, from, segment.end);
    const bool more = next && *next;
    report(
        {from, (more ? **next : segment.end) - from, item ? scanner.fault() : item.error().context},
        more);
    if (!next) report({from, segment.end - from, next.error().context}, false);
    if (!more) break;
    from = **next;
  }
  if (whole && holes != segment.punched->bytes() && !segment.punched->damaged())
    report({base, 0, "the punch map has holes outside of bodies"}, false);
  (void)pace(segment.end - paced, 1);
  return true;
}

Result<std::vector<std::string>> SegmentLog::verify() const {
  RETURN_IF_ERROR(usable());
  std::vector<std::string> findings;
  std::optional<std::uint32_t> chain;  // the last header's checksum, if all before was valid
  for (SegmentSet::Segment segment : segments_.list()) {
    if (segment.end == segment.header.base()) continue;
    auto file = env_.open(segments_.path_of(segment.header), Env::Open::kRead);
    // Its space was given back meanwhile.
    if (!file && segment.header.base() < begin()) continue;
    if (!file) return std::move(file).error();
    segment.file = *std::move(file);
    const auto line = [&](Lsn at, const std::string& what) {
      if (findings.size() < kFindingsMax)
        findings.push_back(segment_name(segment.header) + ": at lsn " + to_string(at) + ": " +
                           what);
    };
    RETURN_IF_ERROR(check(
        segment, chain, [](std::uint64_t, std::uint64_t) { return true; },
        [&](const Finding& finding, bool more) {
          line(finding.at, finding.what);
          if (more) line(finding.at + finding.bytes, "valid again");
        }));
  }
  return findings;
}

Result<std::optional<Lsn>> SegmentLog::scrub(
    Lsn at, const Pace& pace, const std::function<void(const Finding&)>& found) const {
  RETURN_IF_ERROR(usable());
  const auto all = segments_.list();
  const auto above = std::ranges::upper_bound(
      all, at, {}, [](const auto& segment) { return segment.header.base(); });
  if (above == all.begin() || above == all.end())
    return Error{ErrorCode::kNotFound,
                 "lsn " + to_string(at) + " is in no complete segment of " + options_.folder};
  SegmentSet::Segment segment = *std::prev(above);
  ASSIGN_OR_RETURN(segment.file,
                   env_.open(segments_.path_of(segment.header), Env::Open::kReadUncached));
  std::optional<std::uint32_t> chain;
  std::size_t count = 0;
  const Report report = [&](const Finding& finding, bool) {
    if (++count <= kFindingsMax) found(finding);
  };
  ASSIGN_OR_RETURN(const bool done, check(segment, chain, pace, report));
  if (!done) return std::optional<Lsn>{};
  if (chain && *chain != above->header.start.crc)
    report({segment.end, 0, "the segment there does not go on where the one before it ends"},
           false);
  return std::optional<Lsn>{segment.end};
}

}  // namespace everpost::storage
