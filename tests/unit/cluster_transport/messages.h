// One message of each kind, with every field set.
#pragma once

#include "cluster/replication/message.h"
#include "storage/log/record_codec.h"

namespace everpost::cluster {

constexpr ShardId kShard{3};
inline Uuid test_uuid(int first) { return Uuid{std::byte(first), std::byte{2}, std::byte{3}}; }
inline Uuid test_cluster() { return test_uuid(1); }

inline std::vector<replication::LogRecordPtr> test_records(replication::LogEnd at) {
  using namespace replication;
  storage::LogIdentity identity;
  identity.cluster = test_cluster();
  identity.shard = kShard;
  identity.lineage = Lineage{2};
  std::vector<LogRecordPtr> records;
  for (const std::size_t body : {0u, 5u, 100'000u}) {
    storage::NewRecord record;
    record.meta = "meta of " + std::to_string(body);
    if (body > 0) {
      record.body.push_back(share(std::string(body - body / 3, 'b')));
      record.body.push_back(share(std::string(body / 3, 'c')));
    }
    record.time = {1'800'000'000'000'000};
    record.seal();
    records.push_back(
        lay_out(std::move(record), at, Epoch{5}, Lsn{64}, storage::header_seed(identity)));
    at = end_of(*records.back());
  }
  return records;
}

inline std::vector<replication::Message> test_messages() {
  using namespace replication;
  const LogEnd end{Lsn{4096}, 0xDEADBEEF};
  const Payload payloads[] = {
      Probe{1, 2},
      ProbeReply{1, {{Epoch{1}, {Lsn{0}, 7}}, {Epoch{5}, end}}, end, Lsn{80}, true, true, false},
      Sync{1, end},
      SyncDone{1, Lsn{4096}},
      Append{1, 2, end, Lsn{64}, Lsn{128}, 3, test_records(end)},
      Append{1, 3, end, Lsn{64}, Lsn{128}, 3, {}},
      Ack{1, Lsn{2}, Lsn{3}, 4, true, true, false},
      Nack{Nack::Reason::kUnsupported, 1, 2},
      PreVote{1, Epoch{2}, 3},
      PreVoteReply{1, Micros{250'000}, Epoch{2}, Lsn{3}, true, true},
      PreVoteReply{1, std::nullopt, Epoch{2}, Lsn{3}, false, false},
      FencePoll{1, Epoch{2}},
      FenceReport{1, Epoch{2}, Lsn{3}},
      StepDown{},
      TransferGo{Lsn{4096}},
      FetchRange{Lsn{64}, Lsn{128}},
      Range{Lsn{4096}, test_records(end)},
      Range{Lsn{4096}, {}},
  };
  std::vector<Message> messages;
  for (const Payload& payload : payloads)
    messages.push_back({{NodeId{9}, test_uuid(4)},
                        Incarnation{0x1234'5678'9ABC'DEF0},
                        Lineage{2},
                        Epoch{6},
                        payload});
  return messages;
}

}  // namespace everpost::cluster
