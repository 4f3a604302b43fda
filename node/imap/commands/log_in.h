// What LOGIN and AUTHENTICATE have in common: how a login begins, or fails.
#pragma once

#include "node/imap/session/session.h"

namespace everpost::node::imap {

// Makes the session the account's. The account gets its mailboxes if this is its first login.
Task<Reply> log_in(Session& session, Login login, std::string mechanism);

// Who is at the other end, for the Authenticator, which slows down who guesses.
LoginClient login_client(const Session& session);

// Waits, counts, and after a few times ends the session.
Task<Reply> refuse_login(Session& session, Error error, std::string mechanism);

}  // namespace everpost::node::imap
