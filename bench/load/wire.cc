#include "bench/load/wire.h"

#include <array>

namespace everpost::load {
namespace {

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 64 << 10;

Error failure(const char* what, const error_code& error) {
  return Error{ErrorCode::kClosed, std::string(what) + ": " + error.message()};
}

}  // namespace

Wire::Wire(asio::any_io_executor executor) : socket_(executor) {
  tls_.set_verify_mode(asio::ssl::verify_none);
}

Task<void> Wire::connect(const Options& options) {
  const asio::ip::tcp::endpoint server(asio::ip::make_address(options.host), options.port);
  const auto [error] = co_await socket_.async_connect(server, kWait);
  if (error) co_return failure("connect", error);
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (options.tls == Tls::kImplicit) co_return co_await start_tls();
  co_return Result<void>{};
}

Task<void> Wire::start_tls() {
  buffer_.clear();
  at_ = 0;
  stream_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket&>>(socket_, tls_);
  const auto [error] = co_await stream_->async_handshake(asio::ssl::stream_base::client, kWait);
  if (error) co_return failure("TLS handshake", error);
  co_return Result<void>{};
}

template <class Buffers>
Task<void> Wire::write_all(const Buffers& buffers) {
  const auto [error, count] = stream_ ? co_await asio::async_write(*stream_, buffers, kWait)
                                      : co_await asio::async_write(socket_, buffers, kWait);
  if (error) co_return failure("write", error);
  co_return Result<void>{};
}

Task<void> Wire::write(std::string_view bytes) {
  co_return co_await write_all(asio::buffer(bytes.data(), bytes.size()));
}

Task<void> Wire::write(std::string_view first, std::string_view second) {
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                  asio::buffer(second.data(), second.size())};
  co_return co_await write_all(buffers);
}

Task<void> Wire::fill() {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t have = buffer_.size();
  buffer_.resize(have + kReadBytes);
  const auto room = asio::buffer(buffer_.data() + have, kReadBytes);
  const auto [error, count] = stream_ ? co_await stream_->async_read_some(room, kWait)
                                      : co_await socket_.async_read_some(room, kWait);
  buffer_.resize(have + count);
  if (error) co_return failure("read", error);
  co_return Result<void>{};
}

Task<std::string_view> Wire::line() {
  for (std::size_t searched = at_;;) {
    const auto end = buffer_.find("\r\n", searched);
    if (end != std::string::npos) {
      const auto line = std::string_view(buffer_).substr(at_, end - at_);
      at_ = end + 2;
      co_return line;
    }
    const std::size_t left = buffer_.size() - at_;
    CO_CHECK(co_await fill());
    searched = left > 0 ? left - 1 : 0;  // fill() moved what was left to the front
  }
}

Task<void> Wire::skip(std::uint64_t bytes) {
  for (;;) {
    const std::size_t here = std::min<std::uint64_t>(bytes, buffer_.size() - at_);
    at_ += here;
    bytes -= here;
    if (bytes == 0) co_return Result<void>{};
    CO_CHECK(co_await fill());
  }
}

void Wire::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace everpost::load
