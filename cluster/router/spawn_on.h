// Runs a coroutine on another executor and resumes the caller on its own, with the result.
//
// A caller that is cancelled waits for the result all the same: Asio 1.81 passes a cancellation
// from one executor to another as a bare pointer, which may be dangling when it arrives
// (co_spawn.hpp, co_spawn_cancellation_handler), so none is passed on.
#pragma once

#include <utility>

#include "base/asio.h"

namespace everpost::cluster {

template <class T>
Task<T> spawn_on(asio::any_io_executor there, Task<T> task) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<T>)>(
      [](auto handler, asio::any_io_executor there, Task<T> task) {
        asio::co_spawn(there, std::move(task),
                       [answer = answer_to<Result<T>>(std::move(handler))](
                           std::exception_ptr thrown, Result<T> result) mutable {
                         if (thrown) result = Error{ErrorCode::kClosed, "given up"};
                         answer(std::move(result));
                       });
      },
      asio::use_awaitable, std::move(there), std::move(task));
}

}  // namespace everpost::cluster
