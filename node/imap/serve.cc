#include "node/imap/serve.h"

#include "node/imap/conversation.h"

namespace everpost::node::imap {

asio::awaitable<void> serve(std::unique_ptr<Connection> connection, Services& services,
                            const std::atomic<bool>& stopping) {
  return converse(std::move(connection), services, stopping, Timing{});
}

}  // namespace everpost::node::imap
