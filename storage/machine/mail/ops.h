// Operations that were applied and their outcomes (D/), so that one that comes again has no second
// effect (D13, H40). They are remembered until the shard's floor rises above their hour; from then
// on they are refused, for nobody can tell any more whether they happened.
#pragma once

#include <optional>

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

// The outcome the operation had, if it is remembered. Errors: kTimeout (below the floor),
// kUnavailable (made more than an hour after the record: somebody's clock is wrong).
Result<std::optional<MailOutcome>> recall(IndexTxn& txn, const Shard& shard, const OpId& op,
                                          WallTime now);
// Once recall() found nothing. Below the floor (which the operation itself may have raised) there
// is nothing to remember.
void remember(IndexTxn& txn, const Shard& shard, const OpId& op, const MailOutcome& outcome);

// Removes outcomes below the floor, at most `limit` of them.
Result<void> sweep_ops(IndexTxn& txn, Shard& shard, std::size_t limit);

// The value of D/. An error keeps its code only: its words are for people and may change from one
// version to the next, which must not make replicas differ.
std::string encode_outcome(const MailOutcome& outcome);
Result<MailOutcome> decode_outcome(std::string_view value);  // `repeated` is set

}  // namespace everpost::storage::mail
