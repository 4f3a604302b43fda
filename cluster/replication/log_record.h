// A record on its way between replicas: the same bytes in every log. Its header is laid out by the
// primary; backups check it and write it verbatim.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "storage/log/record.h"

namespace everpost::cluster::replication {

struct LogRecord {
  storage::RecordHeader header;
  std::string meta;
  std::vector<SharedBytes> body;  // joined: header.body_bytes
};
using LogRecordPtr = std::shared_ptr<const LogRecord>;

// Where a log ends: its length, and the checksum of the last record's header, which the next one
// repeats (the chain).
struct LogEnd {
  Lsn lsn;
  std::uint32_t chain = 0;
  friend bool operator==(const LogEnd&, const LogEnd&) = default;
};

inline LogEnd end_of(const LogRecord& record) { return {record.header.end(), record.header.crc}; }

// The record at `at` of a log whose headers are seeded with `seed` (record_codec.h).
LogRecordPtr lay_out(storage::NewRecord record, const LogEnd& at, Epoch epoch, Lsn commit,
                     std::uint32_t seed);

}  // namespace everpost::cluster::replication
