// Takes the message of one queue entry to one of the shards where its recipients are.
#pragma once

#include <optional>
#include <vector>

#include "cluster/mail_store.h"
#include "cluster/router/retry_schedule.h"

namespace everpost::cluster {

// Delivers the entry's message to those of its recipients (by position) that live in `target`, and
// notes in the queue that they have it. The value is why it was refused for good, if it was.
// Errors: those of which another attempt may come off better; it finds in `progress` what this one
// has done.
Task<std::optional<Error>> deliver_queued(MailStore& mail, ShardId queue_shard,
                                          const storage::QueueEntry& entry, ShardId target,
                                          std::vector<std::uint16_t> recipients,
                                          DeliveryProgress& progress);

// The op_id under which an entry's message is delivered to `target`: it follows from the entry, so
// that a delivery repeated after a crash has no second effect. `round` counts the operations before
// it that were refused, without any effect, because chunks of the message had expired in the
// target: a refusal is remembered under its op_id, so what is staged anew needs another one.
OpId fan_out_op(ShardId queue_shard, const storage::QueueEntry& entry, ShardId target,
                unsigned round = 0);

}  // namespace everpost::cluster
