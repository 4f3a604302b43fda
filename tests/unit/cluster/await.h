// Runs a coroutine to its end on an io_context of its own.
#pragma once

#include <gtest/gtest.h>
#include <optional>

#include "base/asio.h"

namespace everpost {

template <class T>
Result<T> await(Task<T> task) {
  asio::io_context io{1};
  std::optional<Result<T>> result;
  asio::co_spawn(io, std::move(task), [&result](std::exception_ptr thrown, Result<T> value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
  });
  io.run_for(std::chrono::seconds{60});
  if (!result) return Error{ErrorCode::kTimeout, "the coroutine did not end"};
  return *std::move(result);
}

}  // namespace everpost
