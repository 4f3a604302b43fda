// Answers what other nodes ask of the copies on this one (copy_wire.h): bytes for their repair, and
// whole copies. Only what is applied here, and so committed, is handed out to a copy that is made.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "cluster/copies/copy_wire.h"
#include "cluster/shard/shards_here.h"
#include "storage/replica/pins.h"

namespace everpost::cluster {

class CopyServer {
 public:
  static constexpr std::size_t kSeedsMax = 4;  // at a time; more are told to ask elsewhere
  static constexpr auto kSeedTtl = std::chrono::hours{1};

  explicit CopyServer(ShardsHere shards) : shards_(std::move(shards)) {}

  // Blocks on the disk. Any thread.
  Result<std::string> serve(std::string_view request);
  // Lets go of all snapshots; nothing is served any more.
  void stop();

 private:
  struct Seed {
    Shard* shard = nullptr;
    storage::Replica* replica = nullptr;
    SeedOffer offer;
    std::unique_ptr<storage::IndexView> view;
    std::chrono::steady_clock::time_point until;
    storage::Pins::Lease lease{};  // nothing is given back of the log meanwhile
  };

  Result<std::string> answer(const ExtentRequest& request);
  Result<std::string> answer(const RecordsRequest& request);
  Result<std::string> answer(const LogStateRequest& request);
  Result<std::string> answer(const SeedOpenRequest& request);
  Result<std::string> answer(const SeedSegmentRequest& request);
  Result<std::string> answer(const SeedIndexRequest& request);
  Result<std::string> answer(const SeedCloseRequest& request);
  Result<std::string> answer(const SeedPunchedRequest& request);
  Result<Shard*> find(ShardId shard) const;
  Result<std::shared_ptr<Seed>> find_seed(std::uint64_t id);
  void drop_old(std::chrono::steady_clock::time_point now);

  const ShardsHere shards_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::map<std::uint64_t, std::shared_ptr<Seed>> seeds_;
};

}  // namespace everpost::cluster
