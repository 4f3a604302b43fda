// Copying and moving messages between mailboxes of one account: COPY, MOVE, and RENAME of INBOX.
#pragma once

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

// Puts those of `uids` that exist into `target`, in order, and takes them out of `source` if
// `move`. A copy keeps flags and internal date (RFC 3501 §6.4.7). Errors: kNotFound (either
// mailbox), kInvalidArgument (of two accounts), kLimit, kOverQuota; after any of them the caller
// undoes.
Result<CopiedMessages> transfer(Context& context, MailboxId source, const UidSet& uids,
                                MailboxId target, bool move, bool enforce_quota);

}  // namespace everpost::storage::mail
