#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/purge.h"
#include "storage/machine/mail/sweep.h"
#include "storage/machine/op_hours.h"

namespace everpost::storage::mail {

Result<MailResult> run(Context& context, const Expire& command) {
  // What is being made at the moment must not be refused.
  if (std::int64_t{command.ops_before} > hours(context.header.time))
    return refuse(ErrorCode::kInvalidArgument, "operations cannot expire before they are made");
  if (command.uploads_before > context.header.time)
    return refuse(ErrorCode::kInvalidArgument, "uploads cannot expire before they are staged");
  if (command.ops_before > context.shard.get().ops_floor)
    context.shard.change().ops_floor = command.ops_before;
  RETURN_IF_ERROR(drop_uploads(context.txn, command.uploads_before, context.header.lsn,
                               kUploadChunksPerExpire));
  RETURN_IF_ERROR(sweep(context, kSweepOfExpire));
  return Done{};
}

}  // namespace everpost::storage::mail
