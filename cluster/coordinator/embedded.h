// The coordinator of a single node: its values are files on the node's own disk, one for each
// shard.
//
//   <folder>/identity     the cluster's id, made once
//   <folder>/shard-0007   the shard's configuration, replaced atomically
//
// docs/formats/coordinator.md has the details. Both are text, one "name value" a line, ending with
// a "crc" line over what is before it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cluster/coordinator/coordinator.h"
#include "storage/env/env.h"

namespace everpost::cluster {

class EmbeddedCoordinator : public Coordinator {
 public:
  // Opens it, making folder and identity the first time. Errors: kCorrupt naming the file, kIo.
  static Result<std::unique_ptr<EmbeddedCoordinator>> open(storage::Env& env,
                                                           const std::string& folder);

  Uuid cluster() const { return cluster_; }

  Result<std::vector<ShardId>> shards() override;
  Result<Versioned> get(ShardId shard) override;
  Result<Versioned> create(ShardId shard, const ShardConfig& config) override;
  Result<std::uint64_t> compare_and_set(ShardId shard, std::uint64_t version,
                                        const ShardConfig& config) override;

 private:
  EmbeddedCoordinator(storage::Env& env, std::string folder)
      : env_(env), folder_(std::move(folder)) {}
  Result<void> load();
  Result<void> store(ShardId shard, const Versioned& value);

  storage::Env& env_;
  const std::string folder_;
  Uuid cluster_{};
  std::mutex mutex_;
  std::map<ShardId, Versioned> shards_;
};

// The text form of a shard's value, and back. Errors: kCorrupt.
std::string encode(const Versioned& value);
Result<Versioned> decode_shard_config(std::string_view text);

}  // namespace everpost::cluster
