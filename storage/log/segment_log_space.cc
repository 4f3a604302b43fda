// Giving space back: dead bodies are punched out of sealed segments, and segments of which nothing
// is needed are removed from the log's front.
#include <algorithm>
#include <map>

#include "storage/log/segment_log.h"

namespace everpost::storage {

Lsn SegmentLog::sealed_end() const {
  const auto all = segments_.list();
  return all.empty() ? end() : all.back().header.base();
}

Result<Log::Punched> SegmentLog::punch(std::span<const Range> dead, const Pace& pace) {
  RETURN_IF_ERROR(usable());
  const auto segments = segments_.list();
  if (segments.empty()) return Punched{};
  std::map<Lsn, std::vector<Range>> by_segment;
  for (const auto& segment : segments)
    if (!segment.punched->unsure().empty()) by_segment[segment.header.base()];
  for (const Range& range : dead) {
    const auto above = std::ranges::upper_bound(
        segments, range.at, {}, [](const auto& segment) { return segment.header.base(); });
    // What is before the log's begin was given back with its segment.
    if (above == segments.begin()) continue;
    const auto& segment = *std::prev(above);
    if (above == segments.end() || range.end() > segment.end)
      return Error{ErrorCode::kInvalidArgument, "punch at lsn " + to_string(range.at) + " with " +
                                                    std::to_string(range.bytes) +
                                                    " bytes: not within a complete segment"};
    by_segment[segment.header.base()].push_back(range);
  }
  Punched all;
  for (const auto& [base, ranges] : by_segment) {
    Punched done;
    {
      const std::scoped_lock lock(space_mutex_);
      ASSIGN_OR_RETURN(done, punch_segment(base, ranges));
    }
    all.bytes += done.bytes;
    all.punches += done.punches;
    if (done.punches > 0 && !pace(done.bytes, done.punches)) {
      all.stopped = true;
      break;
    }
  }
  return all;
}

// In this order: the entries are on stable storage; readers know; the bytes go; that they are gone
// is on stable storage, and noted.
Result<Log::Punched> SegmentLog::punch_segment(Lsn base, std::span<const Range> dead) {
  const auto segments = segments_.list();
  const auto found =
      std::ranges::find(segments, base, [](const auto& segment) { return segment.header.base(); });
  // The log was cut meanwhile, or is written to again here.
  if (found == segments.end() || found + 1 == segments.end()) return Punched{};
  const SegmentHeader& header = found->header;
  std::vector<Range> blocks;
  for (const Range& range : dead) blocks.push_back(whole_blocks(header, range));
  auto map = std::make_shared<PunchMap>(*found->punched);
  std::vector<Range> ranges = map->missing(blocks);
  std::vector<Range> again = map->unsure();
  if (ranges.empty() && again.empty()) return Punched{};

  if (!ranges.empty()) {
    RETURN_IF_ERROR(note_punches(header, ranges, *map));
    map->add(ranges);
    segments_.set_punched(base, map);
    map = std::make_shared<PunchMap>(*map);
  }
  ASSIGN_OR_RETURN(const auto file, env_.open(segments_.path_of(header), Env::Open::kWrite));
  Punched done;
  for (const auto* some : {&again, &ranges}) {
    for (const Range& range : *some) {
      RETURN_IF_ERROR(file->punch(header.offset_of(range.at), range.bytes));
      done.bytes += range.bytes;
      ++done.punches;
    }
  }
  RETURN_IF_ERROR(file->sync());
  const std::string path = options_.folder + "/" + punch_map_name(header);
  ASSIGN_OR_RETURN(const auto notes, env_.open(path, Env::Open::kWrite));
  const std::string entry = encode_punches_done(header);
  // Not synced: without it the next process punches once more.
  RETURN_IF_ERROR(notes->write(map->file_bytes(), as_bytes(entry)));
  map->settle(map->file_bytes() + entry.size());
  segments_.set_punched(base, map);
  return done;
}

Result<void> SegmentLog::note_punches(const SegmentHeader& header, std::span<const Range> ranges,
                                      PunchMap& map) const {
  const bool begin = map.file_bytes() == 0;
  const std::string path = options_.folder + "/" + punch_map_name(header);
  const std::string entries = encode_punches(header, ranges, begin);
  ASSIGN_OR_RETURN(const auto file, env_.open(path, Env::Open::kCreate));
  RETURN_IF_ERROR(file->write(map.file_bytes(), as_bytes(entries)));
  RETURN_IF_ERROR(file->sync());
  if (begin) RETURN_IF_ERROR(env_.sync_folder(options_.folder));
  map.grow_file(map.file_bytes() + entries.size());
  return {};
}

Result<std::uint64_t> SegmentLog::drop_before(Lsn lsn) {
  RETURN_IF_ERROR(usable());
  const std::scoped_lock lock(space_mutex_);
  const auto segments = segments_.list();
  std::uint64_t dropped = 0;
  // The first one first, each for good before the next: no crash leaves a gap. Never the last one.
  for (std::size_t i = 0; i + 1 < segments.size() && segments[i].end <= lsn; ++i) {
    const SegmentHeader& header = segments[i].header;
    segments_.remove(header.base());
    RETURN_IF_ERROR(remove_segment(header));
    if (segments[i].punched->file_bytes() > 0)
      RETURN_IF_ERROR(env_.remove(options_.folder + "/" + punch_map_name(header)));
    ++dropped;
  }
  return dropped;
}

}  // namespace everpost::storage
