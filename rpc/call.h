// One call on its way: whatever becomes of it, its caller is told, once.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "rpc/transport.h"

namespace everpost::rpc {

class Call {
 public:
  using Done = std::move_only_function<void(Result<std::string>)>;

  Call(std::uint64_t call_id, Done done) : id(call_id), done_(std::move(done)) {}
  ~Call() { finish(Error{ErrorCode::kClosed, "the link broke, or the transport has stopped"}); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void finish(Result<std::string> result) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
  }

  const std::uint64_t id;
  NodeId peer;
  Channel channel{};
  Method method = 0;
  std::string payload;
  Micros timeout{};

 private:
  Done done_;
};

}  // namespace everpost::rpc
