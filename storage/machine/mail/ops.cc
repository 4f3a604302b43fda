#include "storage/machine/mail/ops.h"

#include "storage/machine/op_hours.h"

namespace everpost::storage::mail {

Result<std::optional<MailOutcome>> recall(IndexTxn& txn, const Shard& shard, const OpId& op,
                                          WallTime now) {
  if (op.hour < shard.get().ops_floor)
    return refuse(ErrorCode::kTimeout, "the operation is too old to know whether it was done");
  if (std::int64_t{op.hour} > hours(now) + 1)
    return refuse(ErrorCode::kUnavailable, "the operation was made in the future");
  ASSIGN_OR_RETURN(const auto stored, txn.get(keys::op(op)));
  if (!stored) return std::nullopt;
  ASSIGN_OR_RETURN(MailOutcome outcome, decode_outcome(*stored));
  return outcome;
}

void remember(IndexTxn& txn, const Shard& shard, const OpId& op, const MailOutcome& outcome) {
  if (op.hour < shard.get().ops_floor) return;
  txn.create(keys::op(op), encode_outcome(outcome));
}

Result<void> sweep_ops(IndexTxn& txn, Shard& shard, std::size_t limit) {
  const OpId floor{shard.get().ops_floor, 0, 0};
  if (limit == 0 || shard.get().ops_swept >= floor) return {};
  OpId swept = floor;  // unless the limit comes first
  RETURN_IF_ERROR(txn.scan(keys::kOps, keys::op(shard.get().ops_swept),
                           [&](std::string_view key, std::string_view value) -> Result<bool> {
                             const auto op = keys::parse_op(key);
                             if (!op) return Error{ErrorCode::kCorrupt, "index: a malformed op_id"};
                             if (*op >= floor) return false;
                             if (limit == 0) {
                               swept = *op;
                               return false;
                             }
                             --limit;
                             txn.erase(key, value);
                             return true;
                           }));
  shard.change().ops_swept = swept;
  return {};
}

}  // namespace everpost::storage::mail
