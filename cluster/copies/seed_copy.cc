#include "cluster/copies/seed_copy.h"

#include <algorithm>
#include <deque>

#include "cluster/copies/seed_folder.h"
#include "storage/index/keys.h"
#include "storage/log/segment_scanner.h"

namespace everpost::cluster {
namespace {

using storage::kSegmentHeaderBytes;
constexpr std::uint64_t kIndexCacheBytes = 8 << 20;

std::string name_of(const SeedOffer::Segment& segment) {
  storage::SegmentHeader header;
  header.epoch = segment.epoch;
  header.start.end = segment.base;
  return storage::segment_name(header);
}

std::uint64_t size_of(const SeedOffer::Segment& segment) {
  return kSegmentHeaderBytes + (segment.end - segment.base);
}

Error stopped() { return {ErrorCode::kClosed, "making the copy was stopped"}; }

}  // namespace

Result<SeedOffer> SeedCopy::open() {
  ASSIGN_OR_RETURN(const std::string answer, ask_(SeedOpenRequest{options_.shard}).get());
  return decode_seed_offer(as_bytes(answer));
}

void SeedCopy::close(const SeedOffer& offer) { (void)ask_(SeedCloseRequest{offer.seed}).get(); }

Result<void> SeedCopy::run(const SeedOffer& offer) {
  storage::Env& env = *options_.env;
  RETURN_IF_ERROR(env.make_folder(options_.folder));
  RETURN_IF_ERROR(env.make_folder(options_.folder + "/log"));
  RETURN_IF_ERROR(remove_others(offer));
  chain_.reset();
  for (const SeedOffer::Segment& segment : offer.segments)
    RETURN_IF_ERROR(copy_segment(offer, segment));
  RETURN_IF_ERROR(env.sync_folder(options_.folder + "/log"));
  RETURN_IF_ERROR(copy_index(offer));
  return env.sync_folder(options_.folder);
}

// What an attempt before has left that is not wanted any more.
Result<void> SeedCopy::remove_others(const SeedOffer& offer) {
  const std::string log = options_.folder + "/log/";
  ASSIGN_OR_RETURN(const auto names, options_.env->list(options_.folder + "/log"));
  for (const std::string& name : names)
    if (std::ranges::find(offer.segments, name, name_of) == offer.segments.end())
      RETURN_IF_ERROR(options_.env->remove(log + name));
  return {};
}

Result<void> SeedCopy::copy_segment(const SeedOffer& offer, const SeedOffer::Segment& segment) {
  storage::Env& env = *options_.env;
  const std::string path = options_.folder + "/log/" + name_of(segment), part = path + ".part";
  ASSIGN_OR_RETURN(const bool there, env.exists(path));
  if (there) {
    ASSIGN_OR_RETURN(const auto file, env.open(path, storage::Env::Open::kRead));
    ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
    const auto chain = chain_;
    if (size == size_of(segment) && check(offer, segment, *file))
      return options_.came(size) ? Result<void>{} : stopped();
    chain_ = chain;
  }
  ASSIGN_OR_RETURN(const auto file, env.open(part, storage::Env::Open::kTruncate));
  RETURN_IF_ERROR(file->truncate(size_of(segment)));
  RETURN_IF_ERROR(fetch(offer, segment, *file));
  if (auto checked = check(offer, segment, *file); !checked)
    return in_context("node " + to_string(options_.source) + " sent " + name_of(segment),
                      std::move(checked).error());
  RETURN_IF_ERROR(file->sync());
  return env.rename(part, path);
}

Result<void> SeedCopy::fetch(const SeedOffer& offer, const SeedOffer::Segment& segment,
                             storage::File& file) {
  const std::uint64_t size = size_of(segment);
  struct Asked {
    std::uint64_t offset;
    std::future<Result<std::string>> answer;
  };
  std::deque<Asked> asked;
  for (std::uint64_t next = 0; next < size || !asked.empty();) {
    while (next < size && asked.size() < kAsksMax) {
      asked.push_back({next, ask_(SeedSegmentRequest{offer.seed, segment.base, next})});
      next += CopyLimits::piece_bytes;
    }
    ASSIGN_OR_RETURN(const std::string answer, asked.front().answer.get());
    ASSIGN_OR_RETURN(const SeedPiece piece, decode_seed_piece(as_bytes(answer)));
    const std::uint64_t offset = asked.front().offset;
    asked.pop_front();
    if (piece.bytes != std::min(size - offset, CopyLimits::piece_bytes))
      return Error{ErrorCode::kCorrupt, "a piece of another size than was asked for"};
    for (const SeedPiece::Run& run : piece.runs)
      RETURN_IF_ERROR(file.write(offset + run.offset, as_bytes(run.bytes)));
    if (!options_.came(piece.bytes)) return stopped();
  }
  return {};
}

Result<storage::SegmentHeader> SeedCopy::header_of(const SeedOffer& offer,
                                                   const SeedOffer::Segment& segment,
                                                   storage::File& file) {
  std::string bytes(kSegmentHeaderBytes, '\0');
  ASSIGN_OR_RETURN(const std::size_t got, file.read(0, std::as_writable_bytes(std::span(bytes))));
  ASSIGN_OR_RETURN(const auto header, storage::decode_segment_header(as_bytes(bytes).first(got)));
  const storage::LogIdentity& identity = header.identity;
  if (identity.cluster != options_.cluster || identity.shard != options_.shard ||
      identity.lineage != offer.lineage || header.base() != segment.base ||
      header.epoch != segment.epoch)
    return Error{ErrorCode::kCorrupt, "the segment of another log"};
  return header;
}

Result<storage::PunchMap> SeedCopy::copy_holes(const SeedOffer& offer,
                                               const SeedOffer::Segment& segment,
                                               const storage::SegmentHeader& header) {
  ASSIGN_OR_RETURN(const std::string answer,
                   ask_(SeedPunchedRequest{offer.seed, segment.base}).get());
  ASSIGN_OR_RETURN(const SeedPunched holes, decode_seed_punched(as_bytes(answer)));
  if (holes.ranges.empty()) return storage::PunchMap{};
  if (holes.ranges.front().at < segment.base || holes.ranges.back().end() > segment.end)
    return Error{ErrorCode::kCorrupt, "holes outside of their segment"};
  const std::string bytes =
      storage::encode_punches(header, holes.ranges, true) + storage::encode_punches_done(header);
  storage::Env& env = *options_.env;
  const std::string path = options_.folder + "/log/" + storage::punch_map_name(header);
  ASSIGN_OR_RETURN(const auto to, env.open(path, storage::Env::Open::kTruncate));
  RETURN_IF_ERROR(to->write(0, as_bytes(bytes)));
  RETURN_IF_ERROR(to->sync());
  return storage::read_punch_map(env, options_.folder + "/log", header);
}

Result<void> SeedCopy::check(const SeedOffer& offer, const SeedOffer::Segment& segment,
                             storage::File& file) {
  ASSIGN_OR_RETURN(const auto header, header_of(offer, segment, file));
  ASSIGN_OR_RETURN(const storage::PunchMap holes, copy_holes(offer, segment, header));
  if (chain_ && *chain_ != header.start.crc)
    return Error{ErrorCode::kCorrupt, "it does not go on where the segment before it ends"};
  storage::SegmentScanner scanner(file, header, holes, segment.base, segment.end);
  for (;;) {
    ASSIGN_OR_RETURN(const auto item, scanner.next());
    if (!item) break;
  }
  if (scanner.fault() || scanner.at() != segment.end)
    return Error{ErrorCode::kCorrupt, "bad record at lsn " + to_string(scanner.at())};
  chain_ = scanner.tail().crc;
  return {};
}

// Not resumed: it is small beside the log, and another source's snapshot is another one.
Result<void> SeedCopy::copy_index(const SeedOffer& offer) {
  const std::string folder = options_.folder + "/index";
  RETURN_IF_ERROR(remove_files(*options_.env, folder));
  RETURN_IF_ERROR(options_.env->make_folder(folder));
  ASSIGN_OR_RETURN(const auto index, storage::Index::open(*options_.env, folder, kIndexCacheBytes));
  std::string last;
  for (bool done = false; !done;) {
    ASSIGN_OR_RETURN(const std::string answer, ask_(SeedIndexRequest{offer.seed, last}).get());
    ASSIGN_OR_RETURN(const SeedKeys keys, decode_seed_keys(as_bytes(answer)));
    done = keys.done;
    if (!done && keys.entries.empty())
      return Error{ErrorCode::kCorrupt, "a node sent no keys, and says that there are more"};
    const auto txn = index->begin();
    for (const auto& [key, value] : keys.entries) {
      if (key <= last || !storage::keys::in_digest(key))
        return Error{ErrorCode::kCorrupt, "a node sent keys of an index out of order"};
      txn->create(key, value);
      last = key;
    }
    RETURN_IF_ERROR(txn->commit(done ? offer.applied : Lsn{}));
    if (!options_.came(answer.size())) return stopped();
  }
  if (index->digest() != offer.digest)
    return Error{ErrorCode::kCorrupt, "the index that a node sent has another digest than its own"};
  return index->checkpoint();
}

}  // namespace everpost::cluster
