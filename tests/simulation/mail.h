// The real mail state machine of one copy, on an index in memory.
#pragma once

#include <memory>

#include "cluster/replication/log_record.h"
#include "storage/machine/mail_machine.h"
#include "storage/machine/mail_reader.h"
#include "tests/simulation/map_index.h"

namespace everpost::simulation {

class MailState {
 public:
  Lsn applied() const { return index_.applied(); }
  const storage::StateDigest& digest() const { return index_.digest(); }
  // Applies the record at applied().
  storage::MailApplied apply(const cluster::replication::LogRecord& record);
  // A bug: the record is passed over.
  void skip(const cluster::replication::LogRecord& record);
  // A bug: the results of earlier operations are forgotten, as if they were in memory only.
  void forget_operations();
  std::unique_ptr<storage::MailReader> reader() const;

 private:
  MapIndex index_;
};

}  // namespace everpost::simulation
