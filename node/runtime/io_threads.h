// The threads that serve connections: one io_context for each, so that a session's state is touched
// by one thread only and needs no strand.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/asio.h"

namespace everpost::node {

class IoThreads {
 public:
  explicit IoThreads(unsigned count);  // 0: one for each core
  ~IoThreads();                        // as stop()

  void start();
  // Abandons what is still under way and joins the threads.
  void stop();
  // After stop(): destroys what was abandoned, and the contexts. No socket or timer of theirs may
  // be left elsewhere.
  void discard() { threads_.clear(); }

  std::size_t size() const { return threads_.size(); }
  asio::io_context& context(std::size_t n) { return threads_[n]->context; }

 private:
  struct Thread {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace everpost::node
