#include "cluster/router/primary_route.h"

#include <algorithm>

#include "cluster/coordinator/shard_config.h"
#include "cluster/router/call_under_way.h"
#include "cluster/router/spawn_on.h"

namespace everpost::cluster {
namespace {

using Clock = std::chrono::steady_clock;

Micros until(Clock::time_point time) {
  return std::chrono::duration_cast<Micros>(time - Clock::now());
}

Error gave_up(ShardId shard, Micros tried, const Error& last) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(tried).count();
  return {ErrorCode::kUnavailable,
          "shard " + to_string(shard) + " has had no primary that answers for " +
              std::to_string(ms) + " ms; the last attempt: " + to_string(last)};
}

}  // namespace

bool worth_retrying(ErrorCode code) {
  return code == ErrorCode::kNotPrimary || code == ErrorCode::kFenced ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kClosed;
}

Task<Answer> PrimaryRoute::ask(Request request, std::function<Task<Answer>()> here) {
  const ShardId shard = request.shard;
  const auto deadline = Clock::now() + options_.deadline;
  RetryWaits waits(options_);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::string bytes;  // of the request, once it is needed
  Error last{ErrorCode::kUnavailable, "nobody is known to be its primary"};
  for (;;) {
    if (stopped_) co_return Error{ErrorCode::kClosed, "this node is stopping"};
    const auto node = map_.primary(shard);
    if (!node) {
      if (!exists(shard))
        co_return Error{ErrorCode::kNotFound, "there is no shard " + to_string(shard)};
    } else if (*node == self_) {
      Result<Answer> answer = co_await here();
      if (answer || !worth_retrying(answer.error().code)) co_return answer;
      last = in_context("this node", std::move(answer).error());
    } else {
      if (bytes.empty()) bytes = encode(request);
      const Micros timeout = std::clamp(until(deadline), Micros{1}, options_.attempt);
      const std::string name = "node " + to_string(*node);
      const Result<std::string> got =
          co_await spawn_on(background_, call(*node, shard, bytes, timeout));
      if (got) {
        Result<Answer> answer = decode_answer(*got);
        if (answer) co_return answer;
        last = in_context(name, std::move(answer).error());
        if (!worth_retrying(last.code)) co_return last;
      } else {
        last = in_context(name, got.error());
        // The transport's timeout: the request or its answer may be lost.
        if (!worth_retrying(last.code) && last.code != ErrorCode::kTimeout) co_return last;
      }
    }
    if (node && last.code == ErrorCode::kNotPrimary) map_.wrong(shard, *node);
    const Micros wait = waits.next();
    if (until(deadline) <= wait) co_return gave_up(shard, options_.deadline, last);
    if (wait.count() == 0) continue;
    timer.expires_after(wait);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

bool PrimaryRoute::exists(ShardId shard) {
  if (shard == kDirectoryShard) return true;
  const auto all = map_.mail_shards();
  return std::ranges::find(all, shard) != all.end();
}

Task<std::string> PrimaryRoute::call(NodeId node, ShardId shard, std::string bytes,
                                     Micros timeout) {
  const auto alarm = std::make_shared<Alarm>(background_);
  CallUnderWay call(background_, peer_.call(node, std::move(bytes), timeout), alarm);
  while (!call.done()) {
    co_await alarm->wait(options_.look_every);
    if (call.done()) break;
    // A node that hangs keeps its links for a while after another has taken over.
    const auto primary = map_.primary(shard);
    if (stopped_ || (primary && *primary != node)) call.give_up();
  }
  co_return call.take();
}

}  // namespace everpost::cluster
