// Boost.Asio for the whole program, compiled once (base/asio.cc). Include this, not
// boost/asio/*.hpp.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <concepts>
#include <utility>

#include "base/exception.h"
#include "base/result.h"

namespace everpost {

namespace asio = boost::asio;
using boost::system::error_code;

// A coroutine that may fail: the shape of everything asynchronous.
template <class T>
using Task = asio::awaitable<Result<T>>;

// work(), an exception of it as kInternal if the result can hold an Error.
template <class Work>
std::invoke_result_t<Work> call_without_throwing(Work& work) {
  using Value = std::invoke_result_t<Work>;
  if constexpr (std::constructible_from<Value, Error>) {
    try {
      return work();
    } catch (...) {
      return Value(Error{ErrorCode::kInternal, "exception: " + what(std::current_exception())});
    }
  } else {
    return work();
  }
}

// Turns the handler of a caller that waits into a function of its result, for any thread and called
// once at most: the caller resumes on its own executor, whose context is kept at work until then.
template <class Value, class Handler>
auto answer_to(Handler handler) {
  auto home = asio::get_associated_executor(handler);
  // `busy` comes first, to go last: when it is gone the context of `home` may be, too.
  return [busy = asio::prefer(home, asio::execution::outstanding_work.tracked),
          handler = std::move(handler), home](Value value) mutable {
    asio::post(home, [handler = std::move(handler), value = std::move(value)]() mutable {
      handler(std::move(value));
    });
  };
}

// Runs `work()` (which may block) on `pool` and resumes the caller on its own executor with the
// result. `work` is a callable without coroutine state. An exception of it is the caller's
// kInternal if the result can hold an Error; otherwise it ends the process.
template <class Executor, class Work>
asio::awaitable<std::invoke_result_t<Work>> run_on(Executor pool, Work work) {
  using Value = std::invoke_result_t<Work>;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(
      [](auto handler, Executor pool, Work work) {
        asio::post(pool,
                   [answer = answer_to<Value>(std::move(handler)),
                    work = std::move(work)]() mutable { answer(call_without_throwing(work)); });
      },
      asio::use_awaitable, std::move(pool), std::move(work));
}

}  // namespace everpost
