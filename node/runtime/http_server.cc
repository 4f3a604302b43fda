#include "node/runtime/http_server.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

namespace everpost::node {
namespace {

namespace http = boost::beast::http;
using Request = http::request<http::empty_body>;

constexpr std::size_t kHeaderBytesMax = 8 << 10;
constexpr auto kRequestTime = std::chrono::seconds{10};
constexpr auto kIdleTime = std::chrono::seconds{60};

// The next request; kInvalidArgument when what came is none.
Task<Request> read_request(Connection& connection) {
  CO_CHECK(co_await connection.wait_input(kIdleTime));
  const auto end = std::chrono::steady_clock::now() + kRequestTime;
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeaderBytesMax);
  std::size_t unparsed = 0;
  while (!parser.is_header_done()) {
    CO_ASSIGN_OR_RETURN(const std::string_view bytes,
                        co_await connection.peek(end - std::chrono::steady_clock::now(), unparsed));
    error_code failure;
    const std::size_t parsed = parser.put(asio::buffer(bytes), failure);
    connection.consume(parsed);
    unparsed = bytes.size() - parsed;
    if (failure && failure != http::error::need_more)
      co_return Error{ErrorCode::kInvalidArgument, failure.message()};
  }
  if (parser.chunked() || parser.content_length().value_or(0) > 0)
    co_return Error{ErrorCode::kInvalidArgument, "no request here has a body"};
  co_return parser.release();
}

HttpReply answer(const Request& request, const HttpHandler& handler) {
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    return {405, "text/plain", "only GET and HEAD are served here\n"};
  const std::string_view target(request.target().data(), request.target().size());
  return handler(target.substr(0, target.find('?')));
}

std::string header(const HttpReply& reply, bool keep) {
  const auto reason = http::obsolete_reason(http::int_to_status(reply.status));
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  text.append(reason.data(), reason.size());
  text += "\r\nContent-Type: " + reply.content_type +
          "\r\nContent-Length: " + std::to_string(reply.body.size()) +
          "\r\nCache-Control: no-store\r\n";
  if (reply.status == 405) text += "Allow: GET, HEAD\r\n";
  if (!keep) text += "Connection: close\r\n";
  return text + "\r\n";
}

}  // namespace

asio::awaitable<void> serve_http(std::unique_ptr<Connection> connection, const HttpHandler& handler,
                                 const std::atomic<bool>& stopping) {
  for (bool keep = true; keep;) {
    const Result<Request> request = co_await read_request(*connection);
    HttpReply reply;
    bool head = false;
    if (request) {
      reply = answer(*request, handler);
      head = request->method() == http::verb::head;
      keep = request->keep_alive() && request->version() == 11 && !stopping;
    } else if (request.error().code == ErrorCode::kInvalidArgument) {
      reply = {400, "text/plain", "bad request: " + request.error().context + "\n"};
      keep = false;
    } else {
      co_return;
    }
    const std::string lines = header(reply, keep);
    const std::string_view parts[] = {lines, head ? std::string_view() : reply.body};
    if (!co_await connection->write(parts, kRequestTime)) co_return;
  }
  (void)co_await connection->shut_down();
}

}  // namespace everpost::node
