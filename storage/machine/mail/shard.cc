#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

Result<void> Shard::load() {
  ASSIGN_OR_RETURN(const auto stored, txn_.get(keys::kMailState));
  if (stored) {
    ASSIGN_OR_RETURN(value_, ShardValue::decode(*stored));
  }
  stored_ = before_ = value_;
  return {};
}

Result<void> Shard::flush() {
  if (value_ == stored_) return {};
  RETURN_IF_ERROR(txn_.put(keys::kMailState, value_.encode()));
  stored_ = value_;
  return {};
}

}  // namespace everpost::storage::mail
