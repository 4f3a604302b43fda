// What the nodes have to agree on, a small value for each shard: who is its primary, in which
// epoch, and which copies are in sync. It changes by compare-and-set only.
//
//   EmbeddedCoordinator (embedded.h)               a single node's: files on its own disk
//   ZooKeeperCoordinator (zookeeper_coordinator.h) a cluster's
//
// What a running shard needs does not block, for the threads that ask must not wait for a network:
// the answer comes through a callback, exactly once, on any thread but never from within the call,
// and with a deadline: what nobody knows by then is kUnavailable. A callback may call this again,
// but must not block, nor destroy the coordinator or the Watch that it belongs to.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "cluster/coordinator/shard_config.h"

namespace everpost::cluster {

struct Versioned {
  ShardConfig config;
  std::uint64_t version = 0;  // 1 or more; one more with each change
};

class Coordinator {
 public:
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  // What a shard wants to hear without asking.
  struct Listener {
    // The value may have changed: a hint to read it. Some come for nothing, some never come.
    std::function<void()> changed;
    // Whether the coordinator can be reached: how it is now, soon after watch(), then each change.
    std::function<void(bool up)> reachable;
  };
  // Ends with its destruction: then neither callback is running or will be called again.
  class Watch {
   public:
    virtual ~Watch() = default;
  };

  virtual ~Coordinator() = default;

  // The value as it is now, or a moment ago (H7). Errors: kNotFound; kUnavailable; kCorrupt or
  // kUnsupported, naming what cannot be read; kFenced, it was removed and made again (H5).
  virtual void get(ShardId shard, Answer<Versioned> answer) = 0;
  // Replaces the value if it still has `version`; answers with the new version. The config's nonce
  // must be one that was never proposed before. Errors: kConflict, it has another version and this
  // proposal will never be stored; kNotFound; kUnavailable, nobody knows whether it was, or will
  // be (H1).
  virtual void compare_and_set(ShardId shard, std::uint64_t version, const ShardConfig& config,
                               Answer<std::uint64_t> answer) = 0;
  // Whether the value still had `version` at some moment after the call: proven by a write, for no
  // read proves it (H7). Errors: kUnavailable, kNotFound.
  virtual void verify(ShardId shard, std::uint64_t version, Answer<bool> answer) = 0;
  virtual std::unique_ptr<Watch> watch(ShardId shard, Listener listener) = 0;

  // Whether kIo and kCorrupt mean that this node's own disk has failed.
  virtual bool is_on_own_disk() const = 0;

  // For start-up and administration: these block, for seconds.
  virtual Result<std::vector<ShardId>> shards() = 0;
  // Errors: kAlreadyExists, kUnavailable.
  virtual Result<Versioned> create(ShardId shard, const ShardConfig& config) = 0;
  Result<Versioned> get_now(ShardId shard);
  Result<std::uint64_t> compare_and_set_now(ShardId shard, std::uint64_t version,
                                            const ShardConfig& config);
  Result<bool> verify_now(ShardId shard, std::uint64_t version);
};

}  // namespace everpost::cluster
