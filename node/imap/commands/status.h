// The STATUS response, which LIST sends, too (RFC 5819).
#pragma once

#include "node/imap/session/session.h"
#include "node/imap/syntax/command.h"

namespace everpost::node::imap {

// Writes "* STATUS name (...)". Errors: of the store; then nothing was written.
Task<void> tell_status(Session& session, storage::MailboxInfo mailbox, StatusItems items);

}  // namespace everpost::node::imap
