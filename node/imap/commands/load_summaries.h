// The stored summaries of messages (node/mime/summary.h), for FETCH.
#pragma once

#include <vector>

#include "node/imap/session/session.h"
#include "node/mime/summary.h"

namespace everpost::node::imap {

// One for each message. A message whose summary is missing, damaged or of another version has it
// made anew from its text. Errors: of the store.
Task<std::vector<mime::Summary>> load_summaries(Session& session,
                                                std::vector<storage::MessageInfo> messages);

}  // namespace everpost::node::imap
