// APPEND's message on its way from the connection into the shard. Small messages travel in one
// piece; of larger ones a few pieces at a time are staged in the shard's log, so that a session
// never holds more than that in memory. Every piece has a share of the memory that all sessions
// have for messages; a client that sends faster than shares come free is held back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/imap/session/session.h"
#include "node/imap/syntax/command.h"

namespace everpost::node::imap {

struct Uploaded {
  storage::NewContent content;
  std::vector<SharedBytes> body;  // of the record: the message if it was not staged, the summary
  MemoryBudget::Share share;      // for them
};

// Memory for the next piece of a message that has `bytes` to go. Waits for it a while; errors:
// kBusy.
Task<MemoryBudget::Share> reserve_memory(Session& session, std::uint64_t bytes);

// Reads `bytes` from the connection, with `first` as the share for the first piece, and the end of
// the command behind them. What goes wrong with the message is inside; the session can go on then.
struct Received {
  Result<Uploaded> message;
};
Task<Received> receive_message(Session& session, std::uint64_t bytes, MemoryBudget::Share first);

// Gets past a message that was refused, if the client sends it all the same (RFC 7888). One that
// is too large for that ends the session.
Task<void> skip_message(Session& session, AppendCommand command);

}  // namespace everpost::node::imap
