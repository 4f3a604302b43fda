// A bound on memory that others hold: counts what is handed out until it is let go of, on whatever
// thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace everpost::rpc {

class Budget : public std::enable_shared_from_this<Budget> {
 public:
  // `bytes` are in use until the result is gone.
  std::shared_ptr<const void> take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      bytes_ += bytes;
      ++count_;
    }
    return {this, [self = shared_from_this(), bytes](const void*) { self->give_back(bytes); }};
  }

  struct Used {
    std::size_t bytes = 0;
    std::size_t count = 0;
  };
  Used used() const {
    const std::lock_guard lock(mutex_);
    return {bytes_, count_};
  }

  // True if at most `bytes` are in use. Otherwise `then` is called once that is so, on any thread,
  // unless another call replaces it.
  bool at_most(std::size_t bytes, std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    if (bytes_ <= bytes) return true;
    threshold_ = bytes;
    then_ = std::move(then);
    return false;
  }

 private:
  void give_back(std::size_t bytes) {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      bytes_ -= bytes;
      --count_;
      if (then_ && bytes_ <= threshold_) then = std::exchange(then_, nullptr);
    }
    if (then) then();
  }

  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  std::size_t threshold_ = 0;
  std::function<void()> then_;
};

}  // namespace everpost::rpc
