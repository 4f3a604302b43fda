// Takes what a shard's queue holds for other shards there (D14, H43): one message accepted for
// recipients of several shards was committed once, in one of them, and gets from there to the
// others by itself, also after a crash at any point. Each recipient gets it exactly once: the op_id
// of a delivery follows from the queue entry, so a repeated one has no second effect.
#pragma once

#include "cluster/mail_store.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

// Serves the queue of `shard` until `stopping`; wakes up when the queue changes, and every few
// seconds. Runs on the executor it is spawned on.
asio::awaitable<void> fan_out(MailStore& mail, Shard& shard, const std::atomic<bool>& stopping);

// The op_id under which an entry's message is delivered to `target`.
OpId fan_out_op(ShardId queue_shard, const storage::QueueEntry& entry, ShardId target);

}  // namespace everpost::cluster
