#include "storage/replica/meta.h"

#include <algorithm>

#include "base/crc32c.h"

namespace everpost::storage {
namespace {

constexpr std::string_view kMagic = "MREPMETA";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kBytes = 120;        // of this version; later ones may be longer
constexpr std::uint64_t kBytesMax = 4096;  // one page
enum Flag : std::uint8_t { kClean = 1, kIndexDamaged = 2, kSuspect = 4 };

std::uint32_t checksum(Bytes meta) { return crc32c(meta.first(meta.size() - 4)); }

template <class T>
T field(Bytes bytes, std::size_t at) {
  return load_le<T>(bytes.data() + at);
}
Uuid uuid(Bytes bytes, std::size_t at) {
  Uuid id;
  std::ranges::copy(bytes.subspan(at, id.size()), id.begin());
  return id;
}

}  // namespace

std::string encode(const ReplicaMeta& meta) {
  std::string bytes(kMagic);
  append_le(bytes, kFormat);
  append_le(bytes, static_cast<std::uint16_t>(kBytes));
  append_le(bytes, static_cast<std::uint8_t>(meta.kind));
  append_le(bytes, static_cast<std::uint8_t>((meta.clean ? kClean : 0) |
                                             (meta.index_damaged ? kIndexDamaged : 0) |
                                             (meta.reign.suspect ? kSuspect : 0)));
  append_le(bytes, std::uint16_t{0});
  bytes.append(as_text(meta.cluster)).append(as_text(meta.disk)).append(as_text(meta.boot));
  append_le(bytes, meta.shard.value);
  append_le(bytes, meta.lineage.value);
  append_le(bytes, meta.reign.epoch.value);
  append_le(bytes, meta.crash_count);
  append_le(bytes, meta.crash_lsn.value);
  append_le(bytes, meta.reign.config_version);
  append_le(bytes, meta.reign.fence_version);
  append_le(bytes, meta.reign.fence_epoch.value);
  append_le(bytes, std::uint64_t{0});
  append_le(bytes, crc32c(as_bytes(bytes)));
  return bytes;
}

Result<ReplicaMeta> decode_replica_meta(Bytes bytes) {
  const auto corrupt = [](const char* what) { return Error{ErrorCode::kCorrupt, what}; };
  if (bytes.size() < kBytes || bytes.size() > kBytesMax)
    return corrupt("not of a meta file's size");
  if (as_text(bytes.first(kMagic.size())) != kMagic)
    return corrupt("does not begin as a meta file");
  // The checksum is last in every format.
  if (checksum(bytes) != field<std::uint32_t>(bytes, bytes.size() - 4))
    return corrupt("checksum mismatch");
  const auto format = field<std::uint16_t>(bytes, 8);
  if (format != kFormat)
    return Error{ErrorCode::kUnsupported, "format " + std::to_string(format) +
                                              ", this program knows " + std::to_string(kFormat) +
                                              ": it was written by a newer version, use that one"};
  if (field<std::uint16_t>(bytes, 10) != bytes.size())
    return corrupt("shorter or longer than it says");
  ReplicaMeta meta;
  const auto kind = field<std::uint8_t>(bytes, 12);
  if (kind > static_cast<std::uint8_t>(ShardKind::kDirectory))
    return corrupt("unknown kind of shard");
  meta.kind = static_cast<ShardKind>(kind);
  const auto flags = field<std::uint8_t>(bytes, 13);
  meta.clean = (flags & kClean) != 0;
  meta.index_damaged = (flags & kIndexDamaged) != 0;
  meta.cluster = uuid(bytes, 16);
  meta.disk = uuid(bytes, 32);
  meta.boot = uuid(bytes, 48);
  meta.shard = ShardId{field<std::uint32_t>(bytes, 64)};
  meta.lineage = Lineage{field<std::uint32_t>(bytes, 68)};
  meta.reign.epoch = Epoch{field<std::uint32_t>(bytes, 72)};
  meta.crash_count = field<std::uint32_t>(bytes, 76);
  meta.crash_lsn = Lsn{field<std::uint64_t>(bytes, 80)};
  meta.reign.config_version = field<std::uint64_t>(bytes, 88);
  meta.reign.fence_version = field<std::uint64_t>(bytes, 96);
  meta.reign.fence_epoch = Epoch{field<std::uint32_t>(bytes, 104)};
  meta.reign.suspect = (flags & kSuspect) != 0;
  return meta;
}

Result<std::optional<ReplicaMeta>> read_replica_meta(Env& env, const std::string& path) {
  ASSIGN_OR_RETURN(const bool exists, env.exists(path));
  if (!exists) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string bytes, read_file(env, path, kBytesMax));
  auto meta = decode_replica_meta(as_bytes(bytes));
  if (!meta) return in_context(path, meta.error());
  return *meta;
}

Result<void> write_replica_meta(Env& env, const std::string& path, const ReplicaMeta& meta) {
  return write_file_atomically(env, path, as_bytes(encode(meta)));
}

}  // namespace everpost::storage
