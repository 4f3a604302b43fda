#include "cluster/replication/log_record.h"

#include "storage/log/record_codec.h"

namespace everpost::cluster::replication {

LogRecordPtr lay_out(storage::NewRecord record, const LogEnd& at, Epoch epoch, Lsn commit,
                     std::uint32_t seed) {
  auto placed = std::make_shared<LogRecord>();
  storage::RecordHeader& header = placed->header;
  header.type = record.type;
  header.flags = record.flags;
  header.lsn = at.lsn;
  header.epoch = epoch;
  header.feature_level = record.feature_level;
  header.prev_crc = at.chain;
  header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
  header.body_bytes = record.body_bytes();
  header.meta_crc = record.meta_crc;
  header.body_crc = record.body_crc;
  header.commit = commit;
  header.time = record.time;
  std::array<std::byte, storage::kRecordHeaderBytes> bytes;
  storage::encode_header(header, seed, bytes);
  placed->meta = std::move(record.meta);
  placed->body = std::move(record.body);
  return placed;
}

}  // namespace everpost::cluster::replication
