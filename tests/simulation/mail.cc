#include "tests/simulation/mail.h"

#include "tests/simulation/failure.h"

namespace everpost::simulation {

storage::MailApplied MailState::apply(const cluster::replication::LogRecord& record) {
  require(record.header.lsn == applied(), "driver", "records are applied without a gap");
  const auto txn = index_.begin();
  storage::MailMachine machine(*txn);
  auto applied = machine.apply(record.header, as_bytes(record.meta));
  if (!applied) throw Failure("H48", "apply: " + applied.error().context);
  if (const auto finished = machine.finish(); !finished)
    throw Failure("H48", "finish: " + finished.error().context);
  (void)txn->commit(record.header.end());
  return *std::move(applied);
}

void MailState::skip(const cluster::replication::LogRecord& record) {
  (void)index_.begin()->commit(record.header.end());
}

void MailState::forget_operations() { index_.forget("D"); }

std::unique_ptr<storage::MailReader> MailState::reader() const {
  auto reader = storage::make_mail_reader(index_.view());
  if (!reader) throw Failure("driver", reader.error().context);
  return *std::move(reader);
}

}  // namespace everpost::simulation
