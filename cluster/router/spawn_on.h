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
        auto home = asio::get_associated_executor(handler);
        // `busy` comes first, to go last: what keeps the caller's executor may itself need it.
        asio::co_spawn(
            there, std::move(task),
            [busy = asio::prefer(home, asio::execution::outstanding_work.tracked), home,
             handler = std::move(handler)](std::exception_ptr thrown, Result<T> result) mutable {
              if (thrown) result = Error{ErrorCode::kClosed, "given up"};
              asio::post(home,
                         [handler = std::move(handler), result = std::move(result)]() mutable {
                           handler(std::move(result));
                         });
            });
      },
      asio::use_awaitable, std::move(there), std::move(task));
}

}  // namespace everpost::cluster
