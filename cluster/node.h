// All shards of one node, opened, watched over and closed together, and the two faces that
// frontends see: MailStore and DirectoryStore.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_options.h"
#include "cluster/control/control.h"
#include "cluster/directory_store.h"
#include "cluster/disk_space.h"
#include "cluster/mail_store.h"
#include "cluster/shard/shard.h"
#include "storage/env/env.h"

namespace everpost::cluster {

struct NodeOptions {
  storage::Env* env = nullptr;
  NodeId node{1};
  std::string data_folder;  // must exist
  // A node of a cluster; none: a single node.
  std::optional<ClusterOptions> cluster;
  unsigned mail_shards = 4;  // a single node's, made at the first start; later starts keep what is
                             // there. A cluster's are made with the cluster
  unsigned read_threads = 2;
  const Clock* clock = &system_clock();
  // stop() that takes longer ends the process by `failed`: a disk that hangs would hold it for
  // ever.
  std::chrono::milliseconds stop_limit{60'000};
  std::uint64_t segment_bytes = 64 << 20;
  std::uint64_t index_cache_bytes = 32 << 20;  // of each shard
  // Deleted mail stays in the log for so long; then its space is given back (garbage_keeper.h).
  Micros undelete_window = std::chrono::hours{24};
  std::chrono::milliseconds collect_every{std::chrono::minutes{5}};
  // Everything is read once in a while to find rot (scrub_keeper.h); 0: never.
  std::uint64_t scrub_bytes_per_second = 10 << 20;
  // A new copy that lacks more of a cluster's log than this is made from another copy, not from
  // the log.
  std::uint64_t seed_log_bytes = 256 << 20;
  double min_free_percent = 5;  // of the disk; below it no new mail is taken (disk_space.h)
  // Where what happens to the shards is written down (shard/journal.h); empty: in memory only.
  std::string journal_folder;
  // One line for each shard as it is recovered. From the thread that calls open().
  std::function<void(const std::string&)> progress;
  // A disk failed: stop the process at once. From any thread. Default: log, note it
  // (disk_failures.h) and _Exit(74), EX_IOERR.
  std::function<void(ShardId, const Error&)> failed;
};

class Node {
 public:
  // Recovers every shard. Blocks; may take seconds after a crash. A single node then leads all of
  // them; a node of a cluster finds its place by itself. Errors name the shard, the file and what
  // to do.
  static Result<std::unique_ptr<Node>> open(NodeOptions options);
  virtual ~Node() = default;

  virtual MailStore& mail() = 0;
  virtual DirectoryStore& directory() = 0;
  // Callable from any thread, also while stopping.
  virtual std::vector<ShardStatus> status() const = 0;
  virtual DiskSpace::Status space() const = 0;
  // Looks at all nodes, and steers them.
  virtual Control& control() = 0;
  // Checks every checksum of every shard; a line for each finding. Blocks, reads everything.
  virtual Result<std::vector<std::string>> verify() = 0;
  // Finishes what was accepted, makes it durable and closes cleanly. Frontends must be gone. Once.
  virtual Result<void> stop() = 0;
};

}  // namespace everpost::cluster
