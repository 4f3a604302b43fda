// IMAP4rev1 (RFC 3501) with the extensions that node/imap/README.md lists: one conversation.
#pragma once

#include <memory>

#include "base/asio.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"

namespace everpost::node::imap {

// Runs until the client leaves, a timeout, or `stopping` is set (then BYE).
asio::awaitable<void> serve(std::unique_ptr<Connection> connection, Services& services,
                            const std::atomic<bool>& stopping);

}  // namespace everpost::node::imap
