// What a node does on the side, once a second or less: answers operations that hang, notes
// checkpoints in the logs, lets old operation results and unfinished uploads expire.
#pragma once

#include "cluster/directory_store.h"
#include "cluster/mail_store.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

// Runs until `stopping`; cancel `tick` to make it look. Bound to tick's executor.
asio::awaitable<void> keep_house(MailStore& mail, DirectoryStore& directory,
                                 std::vector<Shard*> shards, const std::atomic<bool>& stopping,
                                 asio::steady_timer& tick);

}  // namespace everpost::cluster
