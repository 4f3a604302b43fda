// A TCP socket in non-blocking mode whose waits end at a deadline. One timer for each socket, armed
// anew only when it fires too early or would fire too late: a read or write that makes progress
// costs no timer operation.
//
// Belongs to one thread (or strand). Lives in a shared_ptr.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "base/asio.h"
#include "node/net/attempt.h"

namespace everpost::node {

class TimedSocket : public std::enable_shared_from_this<TimedSocket> {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TimedSocket(asio::ip::tcp::socket socket);

  void set_deadline(Clock::duration from_now) { deadline_ = Clock::now() + from_now; }
  bool deadline_passed() const { return Clock::now() >= deadline_; }

  Attempt receive(std::span<char> to);
  Attempt send(std::span<const std::string_view> parts);

  // Until the socket is readable or writable, as `state` asks. A wait between two commands is one
  // that stop_reading() ends. Errors: kTimeout, kClosed, kUnavailable (stop_reading).
  enum class When { kWithinCommand, kBetweenCommands };
  Task<void> wait(Attempt::State state, When when);
  // The same for reading between commands; false when `wake` expired or was cancelled first.
  Task<bool> wait_readable_or(asio::steady_timer& wake);

  bool stopped() const { return stopped_; }
  void stop_reading();
  void close();
  void shut_down_send();

  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  void arm();
  void on_timer();

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool armed_ = false;    // timer_ has a wait pending
  bool waiting_ = false;  // the deadline counts
  bool waiting_between_commands_ = false;
  bool expired_ = false;
  bool stopped_ = false;
};

}  // namespace everpost::node
