#include "cluster/router/local_directory_store.h"

#include "cluster/router/op_ids.h"

namespace everpost::cluster {

OpId LocalDirectoryStore::new_op() { return make_op_id(node_, time_.now()); }

Task<storage::DirectoryOutcome> LocalDirectoryStore::submit(storage::DirectoryTxn txn) {
  storage::NewRecord record;
  record.type = storage::RecordType::kTxn;
  record.meta = storage::encode(txn);
  record.time = time_.now();
  if (record.meta.size() > storage::kRecordMetaBytesMax)
    co_return Error{ErrorCode::kTooLarge, "the change is too large for one log record"};
  record.seal();
  CO_ASSIGN_OR_RETURN(Committed done, co_await shard_.propose(std::move(record)));
  auto* outcome = std::get_if<storage::DirectoryOutcome>(&done.applied.outcome);
  if (!outcome)
    co_return Error{ErrorCode::kInternal, "the directory applied a change without an outcome"};
  co_return std::move(*outcome);
}

Task<void> LocalDirectoryStore::read_any(
    std::function<Result<void>(const storage::DirectoryReader&)> query) {
  co_return co_await run_on(
      pool_.get_executor(), [this, query = std::move(query)]() -> Result<void> {
        ASSIGN_OR_RETURN(const auto reader, shard_.replica().directory_reader());
        return query(*reader);
      });
}

}  // namespace everpost::cluster
