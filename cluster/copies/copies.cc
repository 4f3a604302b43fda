#include "cluster/copies/copies.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
constexpr Micros kFetchTimeout = 3s;
// After a start of all nodes at once it takes them a moment to find each other.
constexpr auto kPeersWithin = 20s;
constexpr auto kAskAgain = 500ms;

}  // namespace

void Copies::start(ShardsHere shards) {
  {
    const std::scoped_lock lock(mutex_);
    shards_ = std::move(shards);
  }
  thread_ = std::thread([this] { run(); });
}

void Copies::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  callers_.join();
}

std::future<Result<std::string>> Copies::begin_ask(NodeId node, const CopyRequest& request,
                                                   Micros timeout) {
  const auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto answer = promise->get_future();
  const std::scoped_lock lock(mutex_);
  if (stopping_) {
    promise->set_value(Error{ErrorCode::kUnavailable, "this node is stopping"});
    return answer;
  }
  asio::co_spawn(
      callers_, peer_.ask_copy(node, encode(request), timeout),
      [promise](const std::exception_ptr& thrown, Result<std::string> answer) {
        promise->set_value(thrown ? Error{ErrorCode::kInternal, "exception: " + what(thrown)}
                                  : std::move(answer));
      });
  return answer;
}

std::vector<NodeId> Copies::nodes_with(ShardId shard) {
  std::optional<ShardConfig> config;
  {
    const std::scoped_lock lock(mutex_);
    if (const Shard* const found = shards_ ? find_shard(shards_, shard) : nullptr)
      config = found->standing().config;
  }
  if (!config) {
    const auto found = placement_.find(shard);
    if (found == placement_.end()) return {};
    config = found->second;
  }
  std::vector<NodeId> nodes = config->replicas;
  std::erase(nodes, self_);
  // Not all ask the same one first.
  const auto rank = [&](NodeId node) {
    return config->in_isr(node) ? (node == config->primary ? 1 : 0) : 2;
  };
  std::ranges::sort(nodes, {},
                    [&](NodeId node) { return std::pair(rank(node), node.value ^ self_.value); });
  return nodes;
}

Result<std::string> Copies::fetch(ShardId shard, const storage::Extent& extent) {
  Error last{ErrorCode::kUnavailable, "there is no other copy"};
  for (const NodeId node : nodes_with(shard)) {
    auto bytes = ask(node, ExtentRequest{shard, extent}, kFetchTimeout);
    if (bytes && bytes->size() == extent.bytes && crc32c(as_bytes(*bytes)) == extent.crc)
      return bytes;
    last = bytes ? Error{ErrorCode::kCorrupt, "it sent other bytes"} : std::move(bytes).error();
    last = in_context("node " + to_string(node), std::move(last));
  }
  last.code = ErrorCode::kUnavailable;
  return last;
}

void Copies::damaged(ShardId shard) {
  const std::scoped_lock lock(mutex_);
  damaged_.insert(shard);
  wake_.notify_all();
}

// What is between the two ends of the part: each record fits to the one before, the last one to
// the one that is behind them here.
Result<std::string> Copies::fetch_records(NodeId node, ShardId shard,
                                          const storage::DamagedPart& part) {
  std::string bytes;
  storage::RecordsEnd at{part.from, part.crc_before};
  while (at.lsn < part.to) {
    ASSIGN_OR_RETURN(const std::string piece,
                     ask(node, RecordsRequest{shard, at.lsn, part.to}, kFetchTimeout));
    if (piece.empty() || piece.size() > part.to - at.lsn)
      return Error{ErrorCode::kCorrupt, "it sent other records"};
    ASSIGN_OR_RETURN(at, storage::check_records(as_bytes(piece), part.segment, at.lsn, at.crc));
    bytes += piece;
  }
  if (at.crc != part.crc_at_end)
    return Error{ErrorCode::kCorrupt, "what it has does not fit to what is behind it here"};
  return bytes;
}

Result<std::string> Copies::fetch_records(ShardId shard, const storage::DamagedPart& part) {
  Error last{ErrorCode::kUnavailable, "there is no other copy"};
  if (part.to - part.from > CopyLimits::repair_bytes)
    return Error{ErrorCode::kTooLarge,
                 "more than 16 MiB are damaged: stop the node, remove the folder of the copy, and "
                 "start again: it is made anew then"};
  for (const NodeId node : nodes_with(shard)) {
    auto bytes = fetch_records(node, shard, part);
    if (bytes) return bytes;
    last = in_context("node " + to_string(node), std::move(bytes).error());
  }
  return last;
}

Result<std::size_t> Copies::mend_closed(storage::Env& env, ShardId shard,
                                        const storage::LogOptions& options) {
  ASSIGN_OR_RETURN(const auto parts, storage::find_damage(env, options));
  const auto end = std::chrono::steady_clock::now() + kPeersWithin;
  std::size_t mended = 0;
  std::optional<Error> missing;
  for (const storage::DamagedPart& part : parts) {
    auto bytes = fetch_records(shard, part);
    while (!bytes && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kAskAgain);
      bytes = fetch_records(shard, part);
    }
    // A part that nobody has may be a torn tail: the next opening tells.
    if (!bytes) {
      missing = bytes.error();
      continue;
    }
    const std::string path = options.folder + "/" + storage::segment_name(part.segment);
    ASSIGN_OR_RETURN(const auto file, env.open(path, storage::Env::Open::kRead));
    ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
    const Lsn file_end = part.segment.base() + (size - storage::kSegmentHeaderBytes);
    RETURN_IF_ERROR(storage::rewrite_segment(env, options.folder, part.segment, file_end, part.from,
                                             as_bytes(*bytes)));
    ++mended;
    log::warning("a damaged part of the log was mended from another copy",
                 {{"shard", shard}, {"lsn", part.from}, {"bytes", bytes->size()}});
  }
  if (mended == 0 && missing) return *missing;
  return mended;
}

void Copies::mend(Shard& shard) {
  storage::Log& log = shard.replica().log();
  const auto parts = log.damage(std::min(shard.standing().commit, log.end()));
  if (!parts) {
    log::error("the log cannot be searched for damage",
               {{"shard", shard.id()}, {"error", to_string(parts.error())}});
    return shard.not_mended();
  }
  for (const storage::DamagedPart& part : *parts) {
    auto bytes = fetch_records(shard.id(), part);
    if (bytes) {
      (void)shard.mend(Shard::Damage::kRecords, part.from, *std::move(bytes));
      continue;
    }
    shard.not_mended();
    log::error("a damaged part of the log cannot be mended: it is tried again when it is needed",
               {{"shard", shard.id()},
                {"from", part.from},
                {"to", part.to},
                {"error", to_string(bytes.error())}});
  }
}

void Copies::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !damaged_.empty(); });
    if (stopping_) return;
    const ShardId id = *damaged_.begin();
    damaged_.erase(damaged_.begin());
    Shard* const shard = find_shard(shards_, id);
    if (!shard) continue;
    lock.unlock();
    mend(*shard);
    lock.lock();
  }
}

}  // namespace everpost::cluster
