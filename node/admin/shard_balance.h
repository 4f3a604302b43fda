// Which mail shard a new account goes to: the one with the fewest. Counted from the directory once
// in a while and kept up to date in between; it need not be exact. Not thread-safe: used on the
// admin server's strand.
#pragma once

#include <chrono>
#include <map>

#include "base/asio.h"
#include "cluster/directory_store.h"

namespace everpost::node::admin {

class ShardBalance {
 public:
  static constexpr std::chrono::minutes kRecountAfter{10};

  // `shards` is not empty. The account is counted from now on.
  Task<ShardId> choose(cluster::DirectoryStore& directory, std::vector<ShardId> shards);
  void removed(ShardId shard);

 private:
  std::map<ShardId, std::uint64_t> accounts_;
  std::optional<std::chrono::steady_clock::time_point> counted_;
};

}  // namespace everpost::node::admin
