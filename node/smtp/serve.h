// SMTP for other servers (RFC 5321), submission for users (RFC 6409) and LMTP (RFC 2033): one
// conversation.
#pragma once

#include <atomic>
#include <memory>

#include "base/asio.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"
#include "node/smtp/flavour.h"

namespace everpost::node::smtp {

// Runs until the client leaves, a timeout, or `stopping` is set (then 421 at the next command, or
// at once if the client is idle). The connection's executor is one thread's, or a strand.
asio::awaitable<void> serve(std::unique_ptr<Connection> connection, Flavour flavour,
                            Services& services, const std::atomic<bool>& stopping);

}  // namespace everpost::node::smtp
