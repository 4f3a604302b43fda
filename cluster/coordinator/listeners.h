// Who listens to what happens to the shards' values: the watches of a coordinator.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "cluster/coordinator/coordinator.h"

namespace everpost::cluster {

// Thread-safe. The callbacks run on the thread that tells, one at a time for each listener.
class Listeners {
 public:
  std::unique_ptr<Coordinator::Watch> add(ShardId shard, Coordinator::Listener listener);

  void changed(ShardId shard) const;
  void all_changed() const;
  // Whoever was told otherwise, or nothing yet, is told by the next tell_reachable().
  void set_reachable(bool up) { shared_->up = up; }
  bool reachable() const { return shared_->up; }
  void tell_reachable() const;

 private:
  struct Entry {
    ShardId shard;
    std::mutex mutex;  // held while it is called
    Coordinator::Listener listener;
    std::optional<bool> told;  // whether it is reachable
    bool ended = false;
  };
  class Registered;
  using Entries = std::map<Entry*, std::shared_ptr<Entry>>;
  struct Shared {
    std::mutex mutex;
    Entries entries;
    std::atomic<bool> up{false};
  };
  Entries all() const;

  // The watches may outlive this.
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace everpost::cluster
