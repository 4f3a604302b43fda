#include "node/net/timed_socket.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace everpost::node {
namespace {

constexpr std::size_t kPartsMax = 64;  // of one sendmsg, well below IOV_MAX

Attempt failed(const char* call) {
  return {Attempt::State::kFailed, 0, std::string(call) + ": " + std::strerror(errno)};
}

}  // namespace

TimedSocket::TimedSocket(asio::ip::tcp::socket socket)
    : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

Attempt TimedSocket::receive(std::span<char> to) {
  for (;;) {
    const ssize_t n = ::recv(socket_.native_handle(), to.data(), to.size(), 0);
    if (n > 0) return {Attempt::State::kDone, static_cast<std::size_t>(n), {}};
    if (n == 0) return {Attempt::State::kEnd, 0, {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Attempt::State::kWantRead, 0, {}};
    return failed("recv");
  }
}

Attempt TimedSocket::send(std::span<const std::string_view> parts) {
  iovec pieces[kPartsMax];
  const std::size_t count = std::min(parts.size(), kPartsMax);
  for (std::size_t i = 0; i < count; ++i)
    pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (n >= 0) return {Attempt::State::kDone, static_cast<std::size_t>(n), {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Attempt::State::kWantWrite, 0, {}};
    return failed("send");
  }
}

Task<void> TimedSocket::wait(Attempt::State state, When when) {
  const auto direction = state == Attempt::State::kWantWrite ? asio::socket_base::wait_write
                                                             : asio::socket_base::wait_read;
  waiting_between_commands_ = when == When::kBetweenCommands;
  if (stopped_ && waiting_between_commands_)
    co_return Error{ErrorCode::kUnavailable, "the server stops"};

  waiting_ = true;
  expired_ = false;
  arm();
  const auto [failure] =
      co_await socket_.async_wait(direction, asio::as_tuple(asio::use_awaitable));
  waiting_ = false;

  if (expired_) co_return Error{ErrorCode::kTimeout, "no progress within the deadline"};
  if (!socket_.is_open()) co_return Error{ErrorCode::kClosed, "closed"};
  if (stopped_ && waiting_between_commands_)
    co_return Error{ErrorCode::kUnavailable, "the server stops"};
  if (failure) co_return Error{ErrorCode::kClosed, failure.message()};
  co_return Result<void>{};
}

Task<bool> TimedSocket::wait_readable_or(asio::steady_timer& wake) {
  // Outlives this call: the timer's handler may still be queued when the input has come first.
  struct Waker {
    asio::cancellation_signal cancel;
    bool listening = true;
    bool woken = false;
  };
  const auto waker = std::make_shared<Waker>();
  wake.async_wait(asio::bind_cancellation_slot(waker->cancel.slot(),
                                               [waker, self = shared_from_this()](error_code) {
                                                 if (!waker->listening) return;
                                                 waker->woken = true;
                                                 error_code ignored;
                                                 self->socket_.cancel(ignored);
                                               }));

  const Result<void> readable = co_await wait(Attempt::State::kWantRead, When::kBetweenCommands);
  waker->listening = false;
  if (waker->woken) co_return false;
  waker->cancel.emit(asio::cancellation_type::total);
  if (readable) co_return true;
  if (readable.error().code == ErrorCode::kUnavailable) co_return false;
  co_return readable.error();
}

void TimedSocket::arm() {
  if (armed_ && timer_.expiry() <= deadline_) return;
  timer_.expires_at(deadline_);  // a wait that is pending ends with operation_aborted
  armed_ = true;
  timer_.async_wait([weak = weak_from_this()](error_code failure) {
    if (failure) return;
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void TimedSocket::on_timer() {
  armed_ = false;
  if (!waiting_) return;  // the next wait arms it
  if (!deadline_passed()) return arm();
  expired_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void TimedSocket::stop_reading() {
  stopped_ = true;
  error_code ignored;
  if (waiting_ && waiting_between_commands_) socket_.cancel(ignored);
}

void TimedSocket::close() {
  error_code ignored;
  socket_.close(ignored);
}

void TimedSocket::shut_down_send() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace everpost::node
