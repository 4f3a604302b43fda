#include "node/cli/http_client.h"

#include <array>
#include <memory>

namespace everpost::cli {
namespace {

Error failed(const std::string& where, const error_code& error, bool late) {
  if (late) return Error{ErrorCode::kTimeout, where + ": no answer in time"};
  const bool forbidden = error == boost::system::errc::permission_denied;
  return Error{forbidden ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
               where + ": " + error.message()};
}

std::string text_of(const HttpRequest& request) {
  std::string text = request.method + " " + request.target +
                     " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  if (!request.body.empty() || request.method != "GET")
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

// A socket that is closed when the time is over. Shared with the timer's handler, which may run
// after the exchange has ended.
template <class Protocol>
struct Line {
  explicit Line(const asio::any_io_executor& executor) : socket(executor) {}
  typename Protocol::socket socket;
  bool late = false;
};

template <class Protocol>
asio::awaitable<Result<HttpReply>> exchange(typename Protocol::endpoint endpoint, std::string where,
                                            HttpRequest request,
                                            std::chrono::milliseconds deadline) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  const auto executor = co_await asio::this_coro::executor;
  const auto line = std::make_shared<Line<Protocol>>(executor);
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([line](error_code cancelled) {
    if (cancelled) return;
    line->late = true;
    error_code ignored;
    line->socket.close(ignored);
  });

  const auto [connect_error] = co_await line->socket.async_connect(endpoint, token);
  if (connect_error) co_return failed(where, connect_error, line->late);
  const std::string text = text_of(request);
  std::size_t sent = 0;
  while (sent < text.size()) {
    const auto [error, bytes] = co_await line->socket.async_write_some(
        asio::buffer(text.data() + sent, text.size() - sent), token);
    if (error) co_return failed(where, error, line->late);
    sent += bytes;
  }

  HttpReplyReader reader;
  const auto buffer = std::make_unique<std::array<char, 16 << 10>>();
  for (bool whole = false; !whole;) {
    const auto [error, bytes] = co_await line->socket.async_read_some(asio::buffer(*buffer), token);
    if (error && (line->late || error != asio::error::eof))
      co_return failed(where, error, line->late);
    if (error) {
      if (auto complete = reader.end(); !complete) co_return in_context(where, complete.error());
      break;
    }
    const auto added = reader.add({buffer->data(), bytes});
    if (!added) co_return in_context(where, added.error());
    whole = *added;
  }
  co_return reader.take();
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
