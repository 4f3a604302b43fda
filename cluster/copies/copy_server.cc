#include "cluster/copies/copy_server.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "storage/index/keys.h"
#include "storage/log/zero.h"

namespace everpost::cluster {
namespace {

namespace keys = storage::keys;
constexpr std::size_t kBlockBytes = 4096;

// What is not zero, block by block; neighbours together.
std::vector<SeedPiece::Run> runs_of(Bytes bytes) {
  std::vector<SeedPiece::Run> runs;
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const Bytes block = bytes.subspan(at, std::min(kBlockBytes, bytes.size() - at));
    if (storage::is_zero(block)) continue;
    if (runs.empty() || runs.back().offset + runs.back().bytes.size() != at)
      runs.push_back({static_cast<std::uint32_t>(at), {}});
    runs.back().bytes += as_text(block);
  }
  return runs;
}

Micros lease_end() { return system_clock().steady() + Micros(CopyServer::kSeedTtl); }

Error not_here(ShardId shard, const char* why) {
  return {ErrorCode::kUnavailable, "shard " + to_string(shard) + ": " + why};
}

}  // namespace

Result<std::string> CopyServer::serve(std::string_view request) {
  ASSIGN_OR_RETURN(const CopyRequest what, decode_copy_request(as_bytes(request)));
  return std::visit([this](const auto& one) { return answer(one); }, what);
}

void CopyServer::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  drop_old(std::chrono::steady_clock::time_point::max());
}

void CopyServer::drop_old(std::chrono::steady_clock::time_point now) {
  std::erase_if(seeds_, [&](const auto& entry) {
    if (entry.second->until > now) return false;
    entry.second->replica->pins().end(entry.second->lease);
    return true;
  });
}

Result<Shard*> CopyServer::find(ShardId shard) const {
  Shard* const found = find_shard(shards_, shard);
  if (!found) return not_here(shard, "it has no copy on this node");
  return found;
}

Result<std::string> CopyServer::answer(const ExtentRequest& request) {
  if (request.extent.bytes > storage::kRecordBodyBytesMax)
    return Error{ErrorCode::kTooLarge, "more than a record may hold"};
  ASSIGN_OR_RETURN(Shard * shard, find(request.shard));
  return shard->replica().log().read(request.extent);
}

Result<std::string> CopyServer::answer(const RecordsRequest& request) {
  ASSIGN_OR_RETURN(Shard * shard, find(request.shard));
  std::string bytes;
  RETURN_IF_ERROR(shard->replica().log().scan(
      request.from, request.to, [&](const storage::Record& record) -> Result<bool> {
        if (!bytes.empty() && bytes.size() + record.bytes->size() > CopyLimits::piece_bytes)
          return false;
        bytes += *record.bytes;
        return true;
      }));
  if (bytes.empty()) return not_here(request.shard, "those records are not in this copy");
  return bytes;
}

Result<std::string> CopyServer::answer(const LogStateRequest& request) {
  ASSIGN_OR_RETURN(Shard * shard, find(request.shard));
  const storage::Replica& replica = shard->replica();
  return encode(
      LogState{shard->replica().log().whole_from(), replica.applied(), replica.lineage()});
}

Result<std::string> CopyServer::answer(const SeedOpenRequest& request) {
  ASSIGN_OR_RETURN(Shard * shard, find(request.shard));
  const Driver::Standing standing = shard->standing();
  const CopyId self{shard->node(), shard->replica().disk()};
  if (standing.suspect || !standing.config || !standing.config->in_isr(self))
    return not_here(request.shard, "this copy is not in sync");
  auto seed = std::make_shared<Seed>();
  seed->shard = shard;
  seed->replica = &shard->replica();
  SeedOffer& offer = seed->offer;
  offer.seed = random_u64();
  offer.lineage = seed->replica->lineage();
  const auto now = std::chrono::steady_clock::now();
  seed->until = now + kSeedTtl;
  const std::scoped_lock lock(mutex_);
  drop_old(now);
  if (stopped_ || seeds_.size() >= kSeedsMax)
    return Error{ErrorCode::kBusy, "this node makes enough copies already"};
  // First the lease, or what the snapshot refers to might go meanwhile. At LSN 0, for bodies that
  // were dead already stay as well: a segment must not change while it is copied.
  storage::Log& log = seed->replica->log();
  seed->lease = seed->replica->pins().lease(Lsn{}, log.begin(), lease_end());
  seed->view = seed->replica->index_snapshot();
  const auto take = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto applied, seed->view->get(keys::kApplied));
    ASSIGN_OR_RETURN(const auto digest, seed->view->get(keys::kDigest));
    if (!applied || applied->size() != 8 || !digest || digest->size() != 16)
      return not_here(request.shard, "nothing is applied here yet");
    offer.applied = Lsn{load_le<std::uint64_t>(as_bytes(*applied).data())};
    offer.digest = {load_le<std::uint64_t>(as_bytes(*digest).data()),
                    load_le<std::uint64_t>(as_bytes(*digest).data() + 8)};
    return {};
  };
  if (auto taken = take(); !taken) {
    seed->replica->pins().end(seed->lease);
    return std::move(taken).error();
  }
  for (const storage::Log::Part& part : log.parts())
    if (part.base < offer.applied)
      offer.segments.push_back({part.base, std::min(part.end, offer.applied), part.epoch});
  log::info(
      "a copy is made from this one",
      {{"shard", request.shard}, {"up_to", offer.applied}, {"segments", offer.segments.size()}});
  seeds_.emplace(offer.seed, seed);
  return encode(offer);
}

Result<std::shared_ptr<CopyServer::Seed>> CopyServer::find_seed(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  drop_old(now);
  const auto found = seeds_.find(id);
  if (found == seeds_.end())
    return Error{ErrorCode::kNotFound, "this snapshot is gone: ask for another one"};
  found->second->until = now + kSeedTtl;
  if (!found->second->replica->pins().extend(found->second->lease, lease_end(),
                                             system_clock().steady()))
    return Error{ErrorCode::kNotFound, "this snapshot has expired: ask for another one"};
  return found->second;
}

Result<std::string> CopyServer::answer(const SeedSegmentRequest& request) {
  ASSIGN_OR_RETURN(const auto seed, find_seed(request.seed));
  const auto segment =
      std::ranges::find(seed->offer.segments, request.base, &SeedOffer::Segment::base);
  if (segment == seed->offer.segments.end())
    return Error{ErrorCode::kNotFound, "no such segment was offered"};
  const std::uint64_t size = storage::kSegmentHeaderBytes + (segment->end - segment->base);
  if (request.offset >= size) return Error{ErrorCode::kInvalidArgument, "beyond the segment"};
  std::string bytes(std::min(size - request.offset, CopyLimits::piece_bytes), '\0');
  ASSIGN_OR_RETURN(const std::size_t got,
                   seed->replica->log().read_file(request.base, request.offset,
                                                  std::as_writable_bytes(std::span(bytes))));
  if (got < bytes.size()) return Error{ErrorCode::kIo, "a segment is too short"};
  return encode(SeedPiece{bytes.size(), runs_of(as_bytes(bytes))});
}

Result<std::string> CopyServer::answer(const SeedIndexRequest& request) {
  ASSIGN_OR_RETURN(const auto seed, find_seed(request.seed));
  SeedKeys answer;
  answer.done = true;
  std::size_t bytes = 0;
  RETURN_IF_ERROR(seed->view->scan(
      {}, request.after, [&](std::string_view key, std::string_view value) -> Result<bool> {
        if (key == request.after || !storage::keys::in_digest(key)) return true;
        if (bytes >= CopyLimits::piece_bytes) {
          answer.done = false;
          return false;
        }
        bytes += key.size() + value.size() + 8;
        answer.entries.emplace_back(key, value);
        return true;
      }));
  return encode(answer);
}

Result<std::string> CopyServer::answer(const SeedCloseRequest& request) {
  const std::scoped_lock lock(mutex_);
  const auto found = seeds_.find(request.seed);
  if (found != seeds_.end()) {
    found->second->replica->pins().end(found->second->lease);
    seeds_.erase(found);
  }
  return std::string();
}

Result<std::string> CopyServer::answer(const SeedPunchedRequest& request) {
  ASSIGN_OR_RETURN(const auto seed, find_seed(request.seed));
  ASSIGN_OR_RETURN(auto ranges, seed->replica->log().punched(request.base));
  return encode(SeedPunched{std::move(ranges)});
}

}  // namespace everpost::cluster
