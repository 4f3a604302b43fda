#include "storage/log/repair.h"

#include <algorithm>

#include "base/crc32c.h"
#include "storage/log/record_codec.h"
#include "storage/log/segment_scanner.h"
#include "storage/log/zero.h"

namespace everpost::storage {
namespace {

constexpr std::uint64_t kCopyBytes = 1 << 20;
constexpr std::uint64_t kBlockBytes = 4096;
constexpr std::string_view kSuffix = ".mend";

Result<RecordHeader> header_at(File& file, const SegmentHeader& segment, Lsn at) {
  std::string bytes(kRecordHeaderBytesMax, '\0');
  ASSIGN_OR_RETURN(const std::size_t got,
                   file.read(segment.offset_of(at), std::as_writable_bytes(std::span(bytes))));
  const auto header = decode_header(as_bytes(bytes).first(got), header_seed(segment.identity));
  if (!header) return Error{ErrorCode::kIo, "a record header changed while it was read"};
  return *header;
}

// Writes what is not zero.
Result<void> write_sparse(File& file, std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const std::uint64_t block = kBlockBytes - offset % kBlockBytes;
    const Bytes piece = bytes.first(std::min<std::uint64_t>(block, bytes.size()));
    if (!is_zero(piece)) RETURN_IF_ERROR(file.write(offset, piece));
    offset += piece.size();
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

}  // namespace

Result<std::vector<DamagedPart>> find_damage(File& file, const SegmentHeader& segment,
                                             const PunchMap& punched, Lsn end,
                                             std::optional<std::uint32_t> crc_at_end) {
  std::vector<DamagedPart> parts;
  for (Lsn from = segment.base(); from < end;) {
    SegmentScanner scanner(file, segment, punched, from, end);
    for (;;) {
      ASSIGN_OR_RETURN(const auto item, scanner.next());
      if (!item) break;
    }
    if (!scanner.fault()) break;
    DamagedPart part{segment, scanner.at(), end, scanner.tail().crc, 0};
    ASSIGN_OR_RETURN(const auto next, next_header(file, segment, scanner.at(), end));
    if (next) {
      ASSIGN_OR_RETURN(const RecordHeader header, header_at(file, segment, *next));
      part.to = *next;
      part.crc_at_end = header.prev_crc;
    } else if (crc_at_end) {
      part.crc_at_end = *crc_at_end;
    } else {
      break;
    }
    // The record behind the part before is bad as well: its header alone was right.
    if (!parts.empty() && parts.back().to == part.from) {
      parts.back().to = part.to;
      parts.back().crc_at_end = part.crc_at_end;
    } else {
      parts.push_back(part);
    }
    from = part.to;
  }
  return parts;
}

Result<std::vector<DamagedPart>> find_damage(Env& env, const LogOptions& options) {
  ASSIGN_OR_RETURN(const auto names, env.list(options.folder));
  struct Found {
    SegmentHeader header;
    std::unique_ptr<File> file;
  };
  std::vector<Found> segments;
  for (const std::string& name : names) {
    if (!parse_segment_name(name)) continue;
    const std::string path = options.folder + "/" + name;
    ASSIGN_OR_RETURN(auto file, env.open(path, Env::Open::kRead));
    std::string bytes(kSegmentHeaderBytes, '\0');
    ASSIGN_OR_RETURN(const std::size_t got,
                     file->read(0, std::as_writable_bytes(std::span(bytes))));
    auto header = decode_segment_header(as_bytes(bytes).first(got));
    if (!header) return in_context(path, std::move(header).error());
    // Of two with one base the older one is empty (recovery sees to it).
    if (!segments.empty() && segments.back().header.base() == header->base()) segments.pop_back();
    segments.push_back({*header, std::move(file)});
  }
  std::vector<DamagedPart> all;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& [header, file] = segments[i];
    ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
    Lsn end = header.base() + (size - std::min(size, kSegmentHeaderBytes));
    std::optional<std::uint32_t> crc;
    if (i + 1 < segments.size()) {
      end = segments[i + 1].header.base();
      crc = segments[i + 1].header.start.crc;
    }
    ASSIGN_OR_RETURN(const PunchMap punched, read_punch_map(env, options.folder, header));
    ASSIGN_OR_RETURN(const auto parts, find_damage(*file, header, punched, end, crc));
    all.insert(all.end(), parts.begin(), parts.end());
  }
  return all;
}

Result<RecordsEnd> check_records(Bytes bytes, const SegmentHeader& segment, Lsn at,
                                 std::uint32_t crc) {
  const std::uint32_t seed = header_seed(segment.identity);
  while (!bytes.empty()) {
    const auto wrong = [&](const char* why) {
      return Error{ErrorCode::kCorrupt, "lsn " + to_string(at) + ": " + why};
    };
    const auto header = decode_header(bytes, seed);
    if (!header || header->lsn != at || header->epoch != segment.epoch)
      return wrong("no valid record header");
    if (header->prev_crc != crc) return wrong("not the successor of the record before");
    if (header->end() - at > bytes.size()) return wrong("a part of a record");
    const Bytes meta = bytes.subspan(header->header_bytes, header->meta_bytes);
    const Bytes body = bytes.subspan(header->body_at() - at, header->body_bytes);
    if (crc32c(meta) != header->meta_crc || crc32c(body) != header->body_crc)
      return wrong("the checksum of its contents is wrong");
    bytes = bytes.subspan(header->end() - at);
    at = header->end();
    crc = header->crc;
  }
  return RecordsEnd{at, crc};
}

Result<void> rewrite_segment(Env& env, const std::string& folder, const SegmentHeader& segment,
                             Lsn end, Lsn at, Bytes bytes) {
  const std::string path = folder + "/" + segment_name(segment);
  const std::string copy = path + std::string(kSuffix);
  const std::uint64_t begins = segment.offset_of(at), ends = begins + bytes.size();
  const std::uint64_t size = segment.offset_of(end);
  ASSIGN_OR_RETURN(const auto from, env.open(path, Env::Open::kRead));
  ASSIGN_OR_RETURN(const auto to, env.open(copy, Env::Open::kTruncate));
  const auto work = [&]() -> Result<void> {
    RETURN_IF_ERROR(to->truncate(size));
    std::string buffer;
    for (std::uint64_t offset = 0; offset < size; offset += buffer.size()) {
      // What is replaced is not read: the disk may refuse to.
      if (offset >= begins && offset < ends) {
        buffer.assign(as_text(bytes.subspan(offset - begins)).substr(0, kCopyBytes));
      } else {
        const std::uint64_t limit = offset < begins ? std::min(begins, size) : size;
        buffer.resize(std::min(limit - offset, kCopyBytes));
        ASSIGN_OR_RETURN(const std::size_t got,
                         from->read(offset, std::as_writable_bytes(std::span(buffer))));
        if (got < buffer.size()) return Error{ErrorCode::kIo, path + ": it is too short"};
      }
      RETURN_IF_ERROR(write_sparse(*to, offset, as_bytes(buffer)));
    }
    RETURN_IF_ERROR(to->sync());
    RETURN_IF_ERROR(env.rename(copy, path));
    return env.sync_folder(folder);
  };
  auto done = work();
  if (!done) (void)env.remove(copy);
  return done;
}

}  // namespace everpost::storage
