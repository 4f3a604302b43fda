#include "node/runtime/accept_loop.h"

#include <sys/socket.h>

#include "base/log.h"

namespace everpost::node {
namespace {

constexpr auto kBackOff = std::chrono::milliseconds{100};
constexpr auto kComplainEvery = std::chrono::seconds{10};

}  // namespace

AcceptLoop::AcceptLoop(Options options, asio::ip::tcp::acceptor acceptor, IoThreads& threads,
                       Sessions& sessions, ConnectionLimits& limits)
    : options_(std::move(options)),
      acceptor_(std::move(acceptor)),
      threads_(threads),
      sessions_(sessions),
      limits_(limits) {}

Result<std::unique_ptr<AcceptLoop>> AcceptLoop::bind(Options options, std::size_t thread,
                                                     IoThreads& threads, Sessions& sessions,
                                                     ConnectionLimits& limits) {
  ASSIGN_OR_RETURN(Descriptor socket, listen_on(options.protocol, options.address));
  return over(std::move(socket), std::move(options), thread, threads, sessions, limits);
}

Result<std::unique_ptr<AcceptLoop>> AcceptLoop::over(Descriptor listening, Options options,
                                                     std::size_t thread, IoThreads& threads,
                                                     Sessions& sessions, ConnectionLimits& limits) {
  const bool v6 = options.address.host.find(':') != std::string::npos;
  asio::ip::tcp::acceptor acceptor(threads.context(thread));
  error_code failure;
  acceptor.assign(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), listening.get(), failure);
  if (failure)
    return Error{ErrorCode::kInvalidArgument, "listen." + std::string(to_string(options.protocol)) +
                                                  ": " + to_string(options.address) + ": " +
                                                  failure.message()};
  listening.release();
  return std::unique_ptr<AcceptLoop>(
      new AcceptLoop(std::move(options), std::move(acceptor), threads, sessions, limits));
}

std::uint16_t AcceptLoop::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void AcceptLoop::start() { asio::co_spawn(acceptor_.get_executor(), run(), asio::detached); }

void AcceptLoop::stop() {
  asio::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
}

asio::awaitable<void> AcceptLoop::run() {
  while (acceptor_.is_open()) {
    const std::size_t thread = sessions_.least_busy();
    auto [failure, socket] = co_await acceptor_.async_accept(threads_.context(thread),
                                                             asio::as_tuple(asio::use_awaitable));
    // One that was accepted in the moment of the stop is greeted and told goodbye like the others.
    if (failure && !acceptor_.is_open()) co_return;
    if (failure == asio::error::connection_aborted) continue;  // it left before we looked
    if (failure) {
      co_await back_off(failure);
      continue;
    }
    error_code gone;
    const asio::ip::address peer = socket.remote_endpoint(gone).address();
    if (gone) continue;
    auto [place, why] = limits_.enter(peer);
    if (place)
      sessions_.start(thread, std::move(socket), std::move(place), options_.run);
    else
      refuse(std::move(socket), peer, why);
  }
}

// Out of descriptors or memory: the connection stays in the kernel's queue, and trying again at
// once would only burn the processor.
asio::awaitable<void> AcceptLoop::back_off(const error_code& failure) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_complaint_) {
    next_complaint_ = now + kComplainEvery;
    log::error("cannot accept connections", {{"protocol", to_string(options_.protocol)},
                                             {"error", failure.message()},
                                             {"connections", limits_.count()}});
  }
  asio::steady_timer timer(acceptor_.get_executor(), kBackOff);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

void AcceptLoop::refuse(asio::ip::tcp::socket socket, const asio::ip::address& peer,
                        ConnectionLimits::Refusal why) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_complaint_) {
    next_complaint_ = now + kComplainEvery;
    log::warning(why == ConnectionLimits::Refusal::kTotal
                     ? "connection refused: limits.connections is reached"
                     : "connection refused: limits.connections_per_address is reached",
                 {{"protocol", to_string(options_.protocol)}, {"client", peer.to_string()}});
  }
  // A new socket's send buffer takes a line; if not, the client goes without.
  ::send(socket.native_handle(), options_.refusal.data(), options_.refusal.size(),
         MSG_NOSIGNAL | MSG_DONTWAIT);
  error_code ignored;
  socket.close(ignored);
}

}  // namespace everpost::node
