// Takes what a shard's queue holds for other shards there (D14, H43): one message accepted for
// recipients of several shards was committed once, in one of them, and gets from there to the
// others by itself, also after a crash at any point. Each recipient gets it exactly once: the op_id
// of a delivery follows from the queue entry (queue_delivery.h).
//
// What fails is tried again, later each time (retry_schedule.h). What is refused for good stays in
// the queue, is logged once and tried again at the next start only.
#pragma once

#include "cluster/mail_store.h"
#include "cluster/router/retry_schedule.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

// Serves the queue of `shard` until `stopping`; wakes up when the queue changes, and for what is
// tried again. Runs on the executor it is spawned on, which has one thread.
asio::awaitable<void> fan_out(MailStore& mail, Shard& shard, const std::atomic<bool>& stopping,
                              RetrySchedule::Delays delays = {});

}  // namespace everpost::cluster
