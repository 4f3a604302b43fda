#include "node/runtime/io_threads.h"

#include <algorithm>
#include <csignal>
#include <pthread.h>

namespace everpost::node {

IoThreads::IoThreads(unsigned count) {
  if (count == 0) count = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned n = 0; n < count; ++n) threads_.push_back(std::make_unique<Thread>());
}

IoThreads::~IoThreads() { stop(); }

void IoThreads::start() {
  for (std::size_t n = 0; n < threads_.size(); ++n) {
    Thread& thread = *threads_[n];
    thread.thread = std::thread([&thread] { thread.context.run(); });
    ::pthread_setname_np(thread.thread.native_handle(), ("io-" + std::to_string(n)).c_str());
  }
}

void IoThreads::stop() {
  for (const auto& thread : threads_) thread->context.stop();
  for (const auto& thread : threads_)
    if (thread->thread.joinable()) thread->thread.join();
}

}  // namespace everpost::node
