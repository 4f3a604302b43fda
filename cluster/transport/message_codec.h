// replication::Message <-> its bytes on the wire (rpc/schema/replication.capnp). Cluster and shard
// are not in the bytes: the transport carries the shard beside them and refuses nodes of other
// clusters; the headers of records are tied to both by their checksums.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "cluster/replication/message.h"

namespace everpost::cluster {

std::string encode(const replication::Message& message, const Uuid& cluster, ShardId shard);

// Everything is checked that can be without knowing the log: sizes, enumerators, and of each record
// the header's checksum (seeded with `cluster`, `shard` and the message's lineage), those of meta
// and body, and that the records of one message follow each other.
// Errors: kCorrupt; kUnsupported for a kind of message or record header of a later version.
Result<replication::Message> decode(Bytes bytes, const Uuid& cluster, ShardId shard);

}  // namespace everpost::cluster
