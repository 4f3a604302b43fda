// A call to another node, started by a coroutine that looks at other things while it waits.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/asio.h"
#include "cluster/router/alarm.h"

namespace everpost::cluster {

// All of it on one strand: the one that `alarm` was made with.
class CallUnderWay {
 public:
  // Rings `alarm` when the result is there.
  CallUnderWay(const asio::any_io_executor& strand, Task<std::string> call,
               std::shared_ptr<Alarm> alarm)
      : state_(std::make_shared<State>()) {
    auto done = [state = state_, alarm = std::move(alarm)](std::exception_ptr thrown,
                                                           Result<std::string> result) {
      if (thrown) result = Error{ErrorCode::kClosed, "the call was given up"};
      state->result = std::move(result);
      alarm->ring_here();
    };
    // Without an executor of its own, `done` runs on the strand.
    asio::co_spawn(strand, std::move(call),
                   asio::bind_cancellation_slot(state_->signal.slot(), std::move(done)));
  }
  // Whoever goes away without the result gives up.
  ~CallUnderWay() { give_up(); }
  CallUnderWay(const CallUnderWay&) = delete;
  CallUnderWay& operator=(const CallUnderWay&) = delete;

  bool done() const { return state_->result.has_value(); }
  Result<std::string> take() { return *std::move(state_->result); }
  // The result comes all the same, soon.
  void give_up() {
    if (!done()) state_->signal.emit(asio::cancellation_type::terminal);
  }

 private:
  struct State {
    std::optional<Result<std::string>> result;
    asio::cancellation_signal signal;
  };
  const std::shared_ptr<State> state_;
};

}  // namespace everpost::cluster
