#include "node/runtime/sessions.h"

#include <algorithm>

#include "base/exception.h"
#include "base/log.h"

namespace everpost::node {

Sessions::Sessions(IoThreads& threads) : threads_(threads) {
  for (std::size_t n = 0; n < threads.size(); ++n)
    of_thread_.push_back(std::make_unique<OfThread>());
}

std::size_t Sessions::least_busy() const {
  const auto least = std::ranges::min_element(
      of_thread_, {}, [](const auto& thread) { return thread->count.load(); });
  return static_cast<std::size_t>(least - of_thread_.begin());
}

void Sessions::start(std::size_t n, asio::ip::tcp::socket socket, ConnectionLimits::Place place,
                     const Run& run) {
  OfThread& thread = *of_thread_[n];
  thread.count.fetch_add(1);
  {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  asio::co_spawn(threads_.context(n), session(thread, std::move(socket), std::move(place), run),
                 [this, &thread](std::exception_ptr failure) {
                   // Errors are values in sessions: an exception is a mistake of ours, which one
                   // client pays for, not all.
                   if (failure)
                     log::error("session ended by an exception", {{"what", what(failure)}});
                   thread.count.fetch_sub(1);
                   const std::lock_guard lock(mutex_);
                   if (--count_ == 0) ended_.notify_all();
                 });
}

asio::awaitable<void> Sessions::session(OfThread& thread, asio::ip::tcp::socket socket,
                                        ConnectionLimits::Place, const Run& run) {
  auto made = make_connection(std::move(socket));
  if (!made) co_return;
  thread.connections.push_front(made->handle);
  struct Remove {
    std::list<ConnectionHandle>& from;
    std::list<ConnectionHandle>::iterator which;
    ~Remove() { from.erase(which); }
  };
  const Remove remove{thread.connections, thread.connections.begin()};
  if (stopping_) made->handle.stop_reading();
  co_await run(std::move(made->connection));
}

void Sessions::stop() {
  stopping_ = true;
  on_every_connection(&ConnectionHandle::stop_reading);
}

void Sessions::close() { on_every_connection(&ConnectionHandle::close); }

void Sessions::on_every_connection(void (ConnectionHandle::*what)() const) {
  for (std::size_t n = 0; n < of_thread_.size(); ++n)
    asio::post(threads_.context(n), [thread = of_thread_[n].get(), what] {
      for (const ConnectionHandle& connection : thread->connections) (connection.*what)();
    });
}

bool Sessions::wait_until_none(std::chrono::steady_clock::duration at_most) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, at_most, [this] { return count_ == 0; });
}

std::size_t Sessions::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace everpost::node
