// Removing the messages of deleted mailboxes. A mailbox may hold millions, and one record must not
// change millions of keys: what one command cannot remove is left under K/ and removed a part at a
// time by records that come later (sweep.h). Nothing leads to it any more meanwhile.
#pragma once

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

// How much one command removes, and one step of the sweep (messages and tombstones).
inline constexpr std::size_t kRemovalsPerCommand = 10'000;

// Removes what the mailbox holds, as far as this command may; the rest is noted under K/.
Result<void> begin_purge(Context& context, MailboxId mailbox);

// Goes on with the mailboxes under K/ until `removals` messages and tombstones are removed.
Result<void> continue_purge(Context& context, std::size_t removals);

}  // namespace everpost::storage::mail
