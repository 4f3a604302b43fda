// One bound port: accepts connections and starts their sessions on the I/O threads.
#pragma once

#include <memory>
#include <string>

#include "node/runtime/config.h"
#include "node/runtime/connection_limits.h"
#include "node/runtime/io_threads.h"
#include "node/runtime/listen_socket.h"
#include "node/runtime/sessions.h"

namespace everpost::node {

class AcceptLoop {
 public:
  struct Options {
    Protocol protocol{};
    ListenAddress address;
    // What a client is told when a limit is reached, with its line ending; empty: nothing (under
    // implicit TLS it would be no TLS).
    std::string refusal;
    Sessions::Run run;
  };

  // Binds and listens; connections wait in the kernel until start(). `thread` is the I/O thread
  // that accepts. What is passed outlives the I/O threads' run. Errors: kInvalidArgument, which
  // says what to do (not permitted, no such address); kBusy (port in use).
  static Result<std::unique_ptr<AcceptLoop>> bind(Options options, std::size_t thread,
                                                  IoThreads& threads, Sessions& sessions,
                                                  ConnectionLimits& limits);
  // The same over a socket that listens already.
  static Result<std::unique_ptr<AcceptLoop>> over(Descriptor listening, Options options,
                                                  std::size_t thread, IoThreads& threads,
                                                  Sessions& sessions, ConnectionLimits& limits);
  void start();  // any thread
  void stop();   // any thread: the port is closed soon

  std::uint16_t port() const;

 private:
  AcceptLoop(Options options, asio::ip::tcp::acceptor acceptor, IoThreads& threads,
             Sessions& sessions, ConnectionLimits& limits);
  asio::awaitable<void> run();
  asio::awaitable<void> back_off(const error_code& failure);
  void refuse(asio::ip::tcp::socket socket, const asio::ip::address& peer,
              ConnectionLimits::Refusal why);

  const Options options_;
  asio::ip::tcp::acceptor acceptor_;
  IoThreads& threads_;
  Sessions& sessions_;
  ConnectionLimits& limits_;
  std::chrono::steady_clock::time_point next_complaint_{};
};

}  // namespace everpost::node
