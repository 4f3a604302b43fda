#include "node/cli/http_client.h"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace everpost::cli {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kReplyBytesMax = 64 << 20;

Error failed(const std::string& where, const error_code& error) {
  ErrorCode code = ErrorCode::kUnavailable;
  if (error == beast::error::timeout) code = ErrorCode::kTimeout;
  if (error == boost::system::errc::permission_denied) code = ErrorCode::kPermissionDenied;
  return Error{code, where + ": " + error.message()};
}

template <class Protocol, class Duration>
asio::awaitable<Result<HttpReply>> exchange(typename Protocol::endpoint endpoint, std::string where,
                                            HttpRequest request, Duration deadline) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  beast::basic_stream<Protocol> stream(co_await asio::this_coro::executor);
  stream.expires_after(deadline);
  const auto [connect_error] = co_await stream.async_connect(endpoint, token);
  if (connect_error) co_return failed(where, connect_error);

  http::request<http::string_body> message{http::string_to_verb(request.method), request.target,
                                           11};
  message.set(http::field::host, "localhost");
  message.keep_alive(false);
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = std::move(request.body);
  message.prepare_payload();
  const auto [write_error, written] = co_await http::async_write(stream, message, token);
  if (write_error) co_return failed(where, write_error);

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kReplyBytesMax);
  const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, token);
  if (read_error) co_return failed(where, read_error);
  auto reply = parser.release();
  co_return HttpReply{reply.result_int(), std::move(reply.body())};
}

}  // namespace

asio::awaitable<Result<HttpReply>> http_over_socket(std::string path, HttpRequest request,
                                                    std::chrono::seconds deadline) {
  // sun_path, with its NUL.
  if (path.size() > 107) co_return Error{ErrorCode::kUnavailable, path + ": the path is too long"};
  const asio::local::stream_protocol::endpoint endpoint(path);
  co_return co_await exchange<asio::local::stream_protocol>(endpoint, path, std::move(request),
                                                            deadline);
}

asio::awaitable<Result<HttpReply>> http_over_loopback(std::uint16_t port, HttpRequest request,
                                                      std::chrono::milliseconds deadline) {
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
  co_return co_await exchange<asio::ip::tcp>(endpoint, "127.0.0.1:" + std::to_string(port),
                                             std::move(request), deadline);
}

std::string percent_encode(std::string_view name) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  for (const unsigned char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '@';
    if (plain) {
      result += static_cast<char>(c);
    } else {
      result += '%';
      result += kDigits[c >> 4];
      result += kDigits[c & 15];
    }
  }
  return result;
}

}  // namespace everpost::cli
