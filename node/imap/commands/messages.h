// What the commands on messages (FETCH, STORE, COPY, MOVE) have in common.
#pragma once

#include "node/imap/session/session.h"
#include "node/imap/syntax/sequence_set.h"

namespace everpost::node::imap {

struct NamedMessages {
  storage::UidSet uids;
  bool some_gone = false;  // sequence numbers of messages that another session has expunged, which
                           // this client has not been told yet: EXPUNGEISSUED (RFC 5530)
};
// The messages that a client names by UIDs, or by sequence numbers. Error: kInvalidArgument, a
// sequence number that there is not.
Result<NamedMessages> named_messages(const Selected& selected, const SequenceSet& set, bool uid);

}  // namespace everpost::node::imap
