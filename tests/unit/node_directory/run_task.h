// Runs a coroutine to its end on this thread.
#pragma once

#include <optional>

#include "base/asio.h"

namespace everpost {

template <class T>
T run_task(asio::awaitable<T> task) {
  asio::io_context context;
  std::optional<T> result;
  asio::co_spawn(context, std::move(task), [&result](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result.emplace(std::move(value));
  });
  context.run();
  return *std::move(result);
}

}  // namespace everpost
