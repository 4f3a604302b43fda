// One conversation: commands in, in order, until somebody leaves. serve.h is what others call; here
// times can be set.
#pragma once

#include "node/imap/session/timing.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"

namespace everpost::node::imap {

asio::awaitable<void> converse(std::unique_ptr<Connection> connection, Services& services,
                               const std::atomic<bool>& stopping, Timing timing);

}  // namespace everpost::node::imap
