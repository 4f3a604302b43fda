// Copying a log, and mending it from a copy.
#include "storage/log/segment_log.h"

namespace everpost::storage {

Result<void> SegmentLog::mend(Lsn at, Bytes bytes) {
  RETURN_IF_ERROR(usable());
  if (bytes.empty()) return Error{ErrorCode::kInvalidArgument, "nothing to mend with"};
  ASSIGN_OR_RETURN(const auto segment, find(at, bytes.size()));
  const SegmentHeader& header = segment.header;
  const bool active = active_ && active_->header.base() == header.base();
  // What was appended since is to be in the copy; a segment before may still be trimmed.
  if (active) RETURN_IF_ERROR(sync());
  ready_.wait();
  // No hole is made in the file that is copied: the copy would not have it, and the map would.
  const std::scoped_lock lock(space_mutex_);
  auto rewritten =
      rewrite_segment(env_, options_.folder, header, active ? tail_.end : segment.end, at, bytes);
  // For want of space nothing was done. After any other failure nobody knows which of the two files
  // has the name on the disk: what is written to the old one might be lost with it.
  if (!rewritten && active && rewritten.error().code != ErrorCode::kNoSpace)
    return poison(std::move(rewritten).error());
  RETURN_IF_ERROR(rewritten);
  auto file = env_.open(segments_.path_of(header), active ? Env::Open::kWrite : Env::Open::kRead);
  if (!active) {
    if (!file) return std::move(file).error();
    segments_.add(header, *std::move(file));
    return {};
  }
  // Who writes on in the old file writes into nothing.
  if (!file) return poison(std::move(file).error());
  if (auto activated = activate(header, *std::move(file)); !activated)
    return poison(std::move(activated).error());
  return {};
}

Result<std::vector<DamagedPart>> SegmentLog::damage(Lsn end) const {
  RETURN_IF_ERROR(usable());
  std::vector<DamagedPart> all;
  const auto segments = segments_.list();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = segments[i];
    if (segment.header.base() >= end) break;
    // Not the one that is kept open: it is read as it is on the disk now.
    ASSIGN_OR_RETURN(const auto file,
                     env_.open(segments_.path_of(segment.header), Env::Open::kRead));
    std::optional<std::uint32_t> crc;
    if (i + 1 < segments.size()) crc = segments[i + 1].header.start.crc;
    ASSIGN_OR_RETURN(const auto parts,
                     find_damage(*file, segment.header, *segment.punched, segment.end, crc));
    for (const DamagedPart& part : parts)
      if (part.to <= end) all.push_back(part);
  }
  return all;
}

std::vector<Log::Part> SegmentLog::parts() const {
  std::vector<Part> parts;
  for (const auto& segment : segments_.list())
    if (segment.end > segment.header.base())
      parts.push_back({segment.header.base(), segment.end, segment.header.epoch});
  return parts;
}

Result<std::size_t> SegmentLog::read_file(Lsn base, std::uint64_t offset,
                                          std::span<std::byte> to) const {
  RETURN_IF_ERROR(usable());
  ASSIGN_OR_RETURN(const auto segment, segments_.find(base));
  if (segment.header.base() != base)
    return Error{ErrorCode::kNotFound, "no segment of the log begins at lsn " + to_string(base)};
  return segment.file->read(offset, to);
}

Result<std::vector<Log::Range>> SegmentLog::punched(Lsn base) const {
  for (const auto& segment : segments_.list())
    if (segment.header.base() == base) return segment.punched->ranges();
  return Error{ErrorCode::kNotFound, "no segment of the log begins at lsn " + to_string(base)};
}

Lsn SegmentLog::whole_from() const {
  Lsn from = segments_.begin();
  for (const auto& segment : segments_.list()) from = std::max(from, segment.punched->end());
  return from;
}

}  // namespace everpost::storage
