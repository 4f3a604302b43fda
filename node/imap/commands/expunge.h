// What EXPUNGE and CLOSE have in common.
#pragma once

#include "node/imap/session/session.h"

namespace everpost::node::imap {

// Removes the messages of the selected mailbox that have \Deleted: all, or those of `only`. The
// client is told of nothing here. Errors: of the store; some may have been removed all the same.
Task<void> expunge_deleted(Session& session, std::optional<storage::UidSet> only);

}  // namespace everpost::node::imap
