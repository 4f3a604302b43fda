// Waits for the answer to something that answers through a callback.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "base/result.h"

namespace everpost::cluster {

// Calls `start(answer)` and blocks until somebody calls `answer`, once.
template <class T, class Start>
Result<T> wait_for(Start start) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  start(std::function<void(Result<T>)>(
      [promise](Result<T> result) { promise->set_value(std::move(result)); }));
  return future.get();
}

}  // namespace everpost::cluster
