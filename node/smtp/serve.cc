#include "node/smtp/serve.h"

#include "node/smtp/conversation.h"

namespace everpost::node::smtp {

asio::awaitable<void> serve(std::unique_ptr<Connection> connection, Flavour flavour,
                            Services& services, const std::atomic<bool>& stopping) {
  Conversation conversation(std::move(connection), flavour, services, stopping);
  co_await conversation.run();
}

}  // namespace everpost::node::smtp
