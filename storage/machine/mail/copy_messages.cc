#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/transfer.h"

namespace everpost::storage::mail {

Result<MailResult> run(Context& context, const CopyMessages& command) {
  return transfer(context, command.source, command.uids, command.target, command.move,
                  command.enforce_quota);
}

}  // namespace everpost::storage::mail
