// The sessions that are running: spread over the I/O threads, counted, told to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "node/net/connection.h"
#include "node/runtime/connection_limits.h"
#include "node/runtime/io_threads.h"

namespace everpost::node {

class Sessions {
 public:
  // One conversation, from the first byte to the last. What it refers to outlives all sessions.
  using Run = std::function<asio::awaitable<void>(std::unique_ptr<Connection>)>;

  explicit Sessions(IoThreads& threads);
  // All sessions have ended, or the I/O threads have.
  ~Sessions() = default;

  // The I/O thread with the fewest sessions. Any thread.
  std::size_t least_busy() const;
  // Runs a session on I/O thread `thread`, which `socket` belongs to. Any thread.
  void start(std::size_t thread, asio::ip::tcp::socket socket, ConnectionLimits::Place place,
             const Run& run);

  // Set once: sessions say goodbye at their next command, idle ones at once. Any thread.
  void stop();
  const std::atomic<bool>& stopping() const { return stopping_; }
  // Closes the connections of those that are left. Any thread.
  void close();
  // True when none was left before the time was over.
  bool wait_until_none(std::chrono::steady_clock::duration at_most);
  std::size_t count() const;

 private:
  struct OfThread {
    std::atomic<std::size_t> count{0};
    std::list<ConnectionHandle> connections;  // touched on that thread only
  };
  asio::awaitable<void> session(OfThread& thread, asio::ip::tcp::socket socket,
                                ConnectionLimits::Place place, const Run& run);
  void on_every_connection(void (ConnectionHandle::*what)() const);

  IoThreads& threads_;
  std::vector<std::unique_ptr<OfThread>> of_thread_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t count_ = 0;
};

}  // namespace everpost::node
