#include "cluster/coordinator/coordinator.h"

#include "cluster/coordinator/wait.h"

namespace everpost::cluster {

Result<Versioned> Coordinator::get_now(ShardId shard) {
  return wait_for<Versioned>([&](auto answer) { get(shard, std::move(answer)); });
}

Result<std::uint64_t> Coordinator::compare_and_set_now(ShardId shard, std::uint64_t version,
                                                       const ShardConfig& config) {
  return wait_for<std::uint64_t>(
      [&](auto answer) { compare_and_set(shard, version, config, std::move(answer)); });
}

Result<bool> Coordinator::verify_now(ShardId shard, std::uint64_t version) {
  return wait_for<bool>([&](auto answer) { verify(shard, version, std::move(answer)); });
}

}  // namespace everpost::cluster
