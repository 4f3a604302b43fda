#include "storage/log/recovery.h"

#include <algorithm>

namespace everpost::storage {
namespace {

Error corrupt(const std::string& path, const std::string& why) {
  return {ErrorCode::kCorrupt,
          path + ": " + why +
              "; nothing was changed. Repair this copy from another one or from a backup "
              "(docs/formats/log.md, \"When a log does not open\")"};
}

struct SegmentFile {
  SegmentHeader header;
  std::string path;
  std::uint64_t bytes = 0;
  Lsn end() const {  // the most that fits into the file as it is
    return header.base() + (bytes - kSegmentHeaderBytes);
  }
};

Result<SegmentFile> read_segment_header(Env& env, const LogOptions& options,
                                        const std::string& name, SegmentName parsed) {
  SegmentFile segment;
  segment.path = options.folder + "/" + name;
  ASSIGN_OR_RETURN(const auto file, env.open(segment.path, Env::Open::kRead));
  ASSIGN_OR_RETURN(segment.bytes, file->size());
  std::string bytes(kSegmentHeaderBytes, '\0');
  ASSIGN_OR_RETURN(const std::size_t got, file->read(0, std::as_writable_bytes(std::span(bytes))));
  auto header = decode_segment_header(as_bytes(bytes).first(got));
  if (!header) {
    if (header.error().code == ErrorCode::kCorrupt)
      return corrupt(segment.path, header.error().context);
    return in_context(segment.path, std::move(header).error());
  }
  segment.header = *header;
  const LogIdentity& identity = segment.header.identity;
  if (identity.cluster != options.identity.cluster || identity.shard != options.identity.shard ||
      identity.lineage != options.identity.lineage)
    return corrupt(segment.path, "the segment of another log (cluster " + hex(identity.cluster) +
                                     ", shard " + to_string(identity.shard) + ", lineage " +
                                     to_string(identity.lineage) + ")");
  if (segment.header.base() != parsed.base || segment.header.epoch != parsed.epoch)
    return corrupt(segment.path, "the header is that of " + segment_name(segment.header));
  return segment;
}

// All segments by base and epoch, checked for gaps as far as that goes without reading records.
Result<std::vector<SegmentFile>> list_segments(Env& env, const LogOptions& options,
                                               std::vector<SegmentHeader>& superseded) {
  ASSIGN_OR_RETURN(const auto names, env.list(options.folder));
  std::vector<SegmentFile> segments;
  for (const std::string& name : names) {  // sorted, which is by base and then by epoch
    const auto parsed = parse_segment_name(name);
    if (!parsed) continue;
    ASSIGN_OR_RETURN(SegmentFile next, read_segment_header(env, options, name, *parsed));
    if (!segments.empty()) {
      const SegmentFile& last = segments.back();
      if (next.header.epoch < last.header.epoch)
        return corrupt(next.path, "of an older epoch than " + last.path);
      if (last.header.base() == next.header.base()) {
        // An epoch without a record was replaced by another one, older or newer, and the machine
        // stopped before the old file was removed; so there is no record in the new one yet.
        ASSIGN_OR_RETURN(const auto file, env.open(last.path, Env::Open::kRead));
        ASSIGN_OR_RETURN(const SegmentRest rest,
                         inspect_rest(*file, last.header, last.header.base(), last.end(), false));
        if (rest.bytes > 0) return corrupt(last.path, "not empty, yet replaced by " + next.path);
        superseded.push_back(last.header);
        segments.pop_back();
      } else if (last.end() < next.header.base()) {
        return corrupt(last.path, "ends at lsn " + to_string(last.end()) +
                                      ", before the next segment begins, at " +
                                      to_string(next.header.base()));
      }
    }
    segments.push_back(std::move(next));
  }
  return segments;
}

std::string describe(const SegmentScanner& scanner) {
  return "bad record at lsn " + to_string(scanner.at()) + " (" + scanner.fault() + ")";
}

// Scans one segment, of which the next one begins at `limit` or which is the last one.
Result<void> scan_segment(Env& env, const Log::Start& start, const SegmentFile& segment, Lsn limit,
                          bool last, Inspection& found) {
  ASSIGN_OR_RETURN(const auto file, env.open(segment.path, Env::Open::kRead));
  const PunchMap& punched = found.punched.at(segment.header.base());
  SegmentScanner scanner(*file, segment.header, punched, segment.header.base(), limit);
  for (;;) {
    ASSIGN_OR_RETURN(const auto item, scanner.next());
    if (!item) break;
    if (item->header.lsn >= start.scan_from) ++found.found.records;
  }
  found.tail = scanner.tail();
  if (punched.end() > scanner.at() && !scanner.fault())
    return corrupt(segment.path, "ends at lsn " + to_string(scanner.at()) +
                                     ", yet bodies up to lsn " + to_string(punched.end()) +
                                     " were given back");
  if (!last) {
    if (!scanner.fault()) return {};
    return corrupt(segment.path,
                   describe(scanner) + " with others behind it, up to lsn " + to_string(limit));
  }
  if (!scanner.fault()) return {};  // the file is full
  ASSIGN_OR_RETURN(const SegmentRest rest, inspect_rest(*file, segment.header, scanner.at(), limit,
                                                        start.commits_were_durable));
  if (rest.proof)
    return corrupt(segment.path, describe(scanner) + " with a valid one behind it, at lsn " +
                                     to_string(*rest.proof) +
                                     ": what is missing was on the disk once");
  if (scanner.at() < std::max(start.durable_hint, punched.end()))
    return corrupt(segment.path, describe(scanner) +
                                     " although the log was on the disk up to lsn " +
                                     to_string(std::max(start.durable_hint, punched.end())));
  found.torn_bytes = rest.bytes;
  return {};
}

Result<void> salvage(Env& env, const LogOptions& options, const SegmentHeader& header,
                     Inspection& inspection) {
  const std::string from_path = options.folder + "/" + segment_name(header);
  const std::string name =
      hex(inspection.tail.end.value) + "-" + segment_name(header).substr(17, 8) + ".salvage";
  ASSIGN_OR_RETURN(const auto from, env.open(from_path, Env::Open::kRead));
  ASSIGN_OR_RETURN(const auto to, env.open(options.folder + "/" + name, Env::Open::kTruncate));
  std::string buffer;
  for (std::uint64_t done = 0; done < inspection.torn_bytes; done += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(inspection.torn_bytes - done, 1 << 20));
    ASSIGN_OR_RETURN(const std::size_t got, from->read(header.offset_of(inspection.tail.end + done),
                                                       std::as_writable_bytes(std::span(buffer))));
    if (got < buffer.size())
      return Error{ErrorCode::kIo, from_path + ": became shorter while it was read"};
    RETURN_IF_ERROR(to->write(done, as_bytes(buffer)));
  }
  RETURN_IF_ERROR(to->sync());
  // It has to be there for good before the bytes are cut.
  RETURN_IF_ERROR(env.sync_folder(options.folder));
  inspection.found.salvage = name;
  return {};
}

// Writes the valid records of the last segment into a new file, which then takes its name. What was
// read may be in the page cache alone: after a failed fdatasync its pages count as clean, and no
// later fdatasync of that file would write them (D12). A torn tail stays behind, so that nothing of
// it can come back (H28).
Result<void> copy_forward(Env& env, const LogOptions& options, ReadySegment& ready,
                          Inspection& inspection) {
  SegmentHeader& header = inspection.segments.back();
  const std::string path = options.folder + "/" + segment_name(header);
  ASSIGN_OR_RETURN(const auto from, env.open(path, Env::Open::kRead));
  ASSIGN_OR_RETURN(const auto to, ready.take());
  SegmentHeader copied = header;
  copied.flags |= kCopiedForward;
  copied.identity.disk = options.identity.disk;
  copied.group_bytes_max = std::max(header.group_bytes_max, options.group_bytes_max);
  RETURN_IF_ERROR(to->write(0, encode_segment_header(copied)));
  SegmentScanner scanner(*from, header, inspection.punched.at(header.base()), header.base(),
                         inspection.tail.end);
  for (;;) {
    ASSIGN_OR_RETURN(const auto item, scanner.next());
    if (!item) break;
    RETURN_IF_ERROR(to->write(copied.offset_of(item->header.lsn), item->bytes));
  }
  if (scanner.fault() || scanner.tail() != inspection.tail)
    return corrupt(path, "its bytes changed while they were copied");
  RETURN_IF_ERROR(to->sync());
  RETURN_IF_ERROR(env.rename(ready.path(), path));
  header = copied;
  inspection.found.copied_forward = true;
  return {};
}

}  // namespace

Result<Inspection> inspect(Env& env, const LogOptions& options, const Log::Start& start) {
  Inspection inspection;
  ASSIGN_OR_RETURN(const auto segments, list_segments(env, options, inspection.superseded));
  if (segments.empty()) {
    if (start.durable_hint > Lsn{})
      return corrupt(options.folder, "no segments, although the log was on the disk up to lsn " +
                                         to_string(start.durable_hint));
    return inspection;
  }
  for (const SegmentFile& segment : segments) {
    inspection.segments.push_back(segment.header);
    ASSIGN_OR_RETURN(inspection.punched[segment.header.base()],
                     read_punch_map(env, options.folder, segment.header));
  }

  // From the segment that holds scan_from, or the first one.
  std::size_t first = segments.size() - 1;
  while (first > 0 && segments[first].header.base() > start.scan_from) --first;
  inspection.tail = segments[first].header.start;
  for (std::size_t i = first; i < segments.size(); ++i) {
    const SegmentFile& segment = segments[i];
    if (segment.header.start.crc != inspection.tail.crc)
      return corrupt(segment.path, "does not go on where the segment before it ends");
    const bool last = i + 1 == segments.size();
    RETURN_IF_ERROR(scan_segment(env, start, segment,
                                 last ? segment.end() : segments[i + 1].header.base(), last,
                                 inspection));
  }
  LogRecovery& found = inspection.found;
  found.segments = segments.size();
  found.end = inspection.tail.end;
  found.last_commit = inspection.tail.commit;
  // Without records the last segment's epoch is that of a primary who has left nothing here.
  if (inspection.tail.end > segments.back().header.base())
    found.last_epoch = segments.back().header.epoch;
  else if (segments.size() > 1)
    found.last_epoch = segments[segments.size() - 2].header.epoch;
  found.last_time = inspection.tail.time;
  if (inspection.torn_bytes > 0) {
    found.torn_at = inspection.tail.end;
    found.torn_bytes = inspection.torn_bytes;
  }
  return inspection;
}

Result<void> repair(Env& env, const LogOptions& options, const Log::Start& start,
                    ReadySegment& ready, Inspection& inspection) {
  for (const SegmentHeader& header : inspection.superseded)
    RETURN_IF_ERROR(env.remove(options.folder + "/" + segment_name(header)));
  if (inspection.segments.empty()) return {};
  const SegmentHeader& last = inspection.segments.back();
  const bool torn = inspection.torn_bytes > 0;
  if (torn && !start.same_boot) RETURN_IF_ERROR(salvage(env, options, last, inspection));
  const bool empty = inspection.tail.end == last.base();
  if (!torn && (start.clean || empty)) return {};
  if (auto copied = copy_forward(env, options, ready, inspection); !copied)
    return in_context("copying the last segment forward", std::move(copied).error());
  return {};
}

}  // namespace everpost::storage
