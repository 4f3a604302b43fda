// The little HTTP that monitoring needs: GET and HEAD without a body (RFC 9112), one conversation.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/asio.h"
#include "node/net/connection.h"

namespace everpost::node {

struct HttpReply {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};
// What to answer for a path without its query. Runs on an I/O thread: must not block.
using HttpHandler = std::function<HttpReply(std::string_view path)>;

// Ends when the client does, asks not to be kept, is slower than 10 s with a request, sends more
// than 8 KiB of header or something that is not HTTP (400), or `stopping` is set. `handler`
// outlives the session.
asio::awaitable<void> serve_http(std::unique_ptr<Connection> connection, const HttpHandler& handler,
                                 const std::atomic<bool>& stopping);

}  // namespace everpost::node
