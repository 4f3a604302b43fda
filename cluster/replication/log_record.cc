#include "cluster/replication/log_record.h"

#include "storage/log/record_codec.h"

namespace everpost::cluster::replication {

LogRecordPtr lay_out(storage::NewRecord record, const LogEnd& at, Epoch epoch, Lsn commit,
                     std::uint32_t seed) {
  auto placed = std::make_shared<LogRecord>();
  placed->header = storage::place(record, at.lsn, at.chain, epoch, commit, record.time, seed);
  placed->meta = std::move(record.meta);
  placed->body = std::move(record.body);
  return placed;
}

}  // namespace everpost::cluster::replication
