#include "storage/machine/mail/sweep.h"

#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/purge.h"

namespace everpost::storage::mail {

Result<void> sweep(Context& context, const SweepStep& step) {
  RETURN_IF_ERROR(sweep_ops(context.txn, context.shard, step.ops));
  return continue_purge(context, step.removals);
}

}  // namespace everpost::storage::mail
