// How a replica's folder becomes an open replica: the steps of Replica::open, in order.
//
//   1. lock the folder; read or make `meta`; refuse a folder of another cluster or shard
//   2. note in `meta` that it is in use (no clean stop any more)
//   3. open the index: applied LSN; open the log: recovers its end
//   4. refuse a record that has killed the process twice (H48)
//   5. apply committed records up to the known commit point
//   6. where 3 or 5 found the index damaged or missing, and the log reaches back to its beginning:
//      make it anew from the log
//   7. note in `meta` the machine's boot: from here on the log was recovered in this one
#pragma once

#include <memory>

#include "storage/index/hint_file.h"
#include "storage/index/index.h"
#include "storage/log/log.h"
#include "storage/replica/meta.h"
#include "storage/replica/replica.h"

namespace everpost::storage {

// An open replica's parts. Destroyed in the opposite order: the lock goes last.
struct ReplicaParts {
  std::shared_ptr<void> lock;
  ReplicaMeta meta;
  std::unique_ptr<HintFile> durable;
  std::unique_ptr<HintFile> applying;
  std::unique_ptr<Index> index;
  std::unique_ptr<Log> log;
};

inline std::string meta_path(const ReplicaOptions& options) { return options.folder + "/meta"; }

Result<ReplicaParts> recover_replica(Env& env, const ReplicaOptions& options,
                                     ReplicaRecovery& recovery);

}  // namespace everpost::storage
