#include "node/runtime/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node_net/loopback.h"

namespace everpost::node {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What the server sends to a client that sends `requests` and closes its half.
std::string converse(const std::string& requests) {
  const HttpHandler handler = [](std::string_view path) -> HttpReply {
    if (path == "/hello") return {200, "text/plain", "hello\n"};
    return {404, "text/plain", "no " + std::string(path) + "\n"};
  };
  const std::atomic<bool> stopping{false};
  Loopback pair;
  pair.send(requests);
  pair.client.shutdown(asio::ip::tcp::socket::shutdown_send);
  asio::co_spawn(pair.io, serve_http(std::move(pair.server), handler, stopping), asio::detached);
  pair.io.run();
  return pair.receive_all();
}

TEST(HttpServer, Answers) {
  struct Case {
    const char* name;
    std::string request;
    const char* starts;
    const char* ends;
  };
  const Case cases[] = {
      {"GET", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello\n"},
      {"without its query", "GET /hello?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
       "hello\n"},
      {"HEAD without a body", "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
       "Cache-Control: no-store\r\n\r\n"},
      {"other paths with 404", "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n",
       "no /x\n"},
      {"other methods with 405", "DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n",
       "HTTP/1.1 405 Method Not Allowed\r\n", "served here\n"},
      {"HTTP/1.0 and closes", "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "hello\n"},
      {"nonsense with 400", "EHLO client\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
      {"endless headers with 400", "GET / HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n",
       "HTTP/1.1 400 Bad Request\r\n", "\n"},
      {"nothing with nothing", "", "", ""},
      {"half a request with nothing", "GET /hello HT", "", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string reply = converse(c.request);
    EXPECT_THAT(reply, StartsWith(c.starts));
    EXPECT_TRUE(reply.ends_with(c.ends)) << reply;
  }
}

TEST(HttpServer, AnswersOneRequestAfterTheOther) {
  const std::string one = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string replies =
      converse(one + one + "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + one);
  std::size_t count = 0;
  for (std::size_t at = 0; (at = replies.find("200 OK", at)) != replies.npos; ++at) ++count;
  EXPECT_EQ(count, 3u) << "none after Connection: close";
}

TEST(HttpServer, RefusesABody) {
  EXPECT_THAT(converse("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
              testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 405 ")));
}

TEST(HttpServer, LetsGoOfAnIdleClientWhenTheServerStops) {
  const HttpHandler handler = [](std::string_view) -> HttpReply { return {}; };
  const std::atomic<bool> stopping{true};
  Loopback pair;
  asio::co_spawn(pair.io, serve_http(std::move(pair.server), handler, stopping), asio::detached);
  asio::post(pair.io, [&] { pair.handle.stop_reading(); });
  pair.io.run();
  EXPECT_EQ(pair.receive_all(), "");
}

}  // namespace
}  // namespace everpost::node
