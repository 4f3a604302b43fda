#include "cluster/control/control.h"

#include "base/log.h"

namespace everpost::cluster {
namespace {

constexpr std::chrono::milliseconds kSwitchLookEvery{2};
// A primary gives the other node 200 ms, twice; then it may be asked again.
constexpr std::chrono::milliseconds kSwitchAgainAfter{600};

std::string why_no_answer(const KnownNode& node, const Error& error) {
  if (!node.live) return "down, or cut off from the coordinator: " + error.context;
  if (!node.trouble.empty()) return "cut off from the node that was asked: " + node.trouble;
  return error.context;
}

Task<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return Result<void>{};
}

}  // namespace

Control::Control(Options options)
    : options_(std::move(options)), started_(system_clock().steady()) {}

Control::~Control() { stop(); }

void Control::stop() {
  stopping_ = true;
  loop_.join();
  looks_.join();
}

Task<std::vector<Control::NodeView>> Control::look() {
  co_return co_await asio::co_spawn(loop_, look_at_all(), asio::use_awaitable);
}

Task<std::vector<Control::NodeEvents>> Control::events(ShardId shard, WallTime since,
                                                       std::uint32_t limit) {
  co_return co_await asio::co_spawn(loop_, events_of_all({shard, since, limit}),
                                    asio::use_awaitable);
}

Task<Switched> Control::switch_primary(ShardId shard, std::optional<NodeId> to, std::string actor) {
  SwitchRequest order{shard, to.value_or(NodeId{0}), std::move(actor)};
  co_return co_await asio::co_spawn(loop_, find_and_switch(std::move(order)), asio::use_awaitable);
}

Task<std::string> Control::serve(NodeId, std::string request) {
  Result<ControlRequest> decoded = decode_control_request(request);
  if (!decoded) co_return encode_control_answer(decoded.error());
  co_return encode_control_answer(co_await answer(*std::move(decoded)));
}

// ---- on loop_

std::vector<KnownNode> Control::known() const {
  if (options_.peers) return options_.peers->nodes();
  KnownNode self;
  self.node = options_.node;
  self.release = options_.release;
  self.live = true;
  return {self};
}

Task<ControlAnswer> Control::ask(NodeId node, ControlRequest request, Micros timeout) {
  if (node == options_.node) co_return co_await answer(std::move(request));
  if (!options_.peers) co_return Error{ErrorCode::kNotFound, "there is no node " + to_string(node)};
  CO_ASSIGN_OR_RETURN(const std::string bytes,
                      co_await options_.peers->ask(node, encode(request), timeout));
  co_return decode_control_answer(bytes);
}

Task<std::vector<Control::Reply>> Control::ask_all(ControlRequest request) {
  struct Round {
    std::vector<Reply> replies;
    std::size_t missing = 0;
    asio::steady_timer end;
  };
  const auto round = std::make_shared<Round>(Round{{}, 0, asio::steady_timer(loop_)});
  for (KnownNode& node : known())
    round->replies.push_back(
        {std::move(node),
         Error{ErrorCode::kTimeout, "no answer in " + std::to_string(kPatience.count()) + " s"}});
  round->missing = round->replies.size();
  for (std::size_t i = 0; i < round->replies.size(); ++i)
    asio::co_spawn(loop_, ask(round->replies[i].known.node, request, kPatience),
                   [round, i](std::exception_ptr failure, Result<ControlAnswer> answer) {
                     round->replies[i].answer =
                         failure ? Error{ErrorCode::kInternal, what(failure)} : std::move(answer);
                     if (--round->missing == 0) round->end.cancel();
                   });
  if (round->missing > 0) {
    round->end.expires_after(kPatience + std::chrono::milliseconds{100});
    co_await round->end.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return round->replies;  // a copy: some may still come
}

Task<ControlAnswer> Control::answer(ControlRequest request) {
  if (std::holds_alternative<ReportRequest>(request)) {
    CO_ASSIGN_OR_RETURN(NodeReport made, co_await report());
    co_return ControlAnswer(std::move(made));
  }
  if (const auto* copy = std::get_if<CopiesRequest>(&request)) {
    const Shard* const found = find_shard(options_.shards, copy->shard);
    if (!found)
      co_return Error{ErrorCode::kNotFound, "no copy of shard " + to_string(copy->shard) + " here"};
    ShardStatus status;
    status.shard = copy->shard;
    status.standing = found->standing();
    status.epoch = status.standing.epoch;
    co_return ControlAnswer(report_of(status));
  }
  if (const auto* events = std::get_if<EventsRequest>(&request)) {
    Events found;
    if (options_.journal)
      found = options_.journal->read(events->shard, events->since,
                                     std::min<std::size_t>(events->limit, ControlLimits::events));
    co_return ControlAnswer(std::move(found));
  }
  CO_ASSIGN_OR_RETURN(const Switched switched,
                      co_await hand_over(std::get<SwitchRequest>(std::move(request))));
  co_return ControlAnswer(switched);
}

Task<NodeReport> Control::report() {
  if (looking_ >= kLooksMax)
    co_return Error{ErrorCode::kBusy, "its copies do not answer: does a disk hang?"};
  ++looking_;
  auto all = co_await run_on(looks_.get_executor(), [this]() -> Result<std::vector<ShardStatus>> {
    return options_.look();
  });
  --looking_;
  if (!all) co_return all.error();
  NodeReport report;
  report.node = options_.node;
  report.release = options_.release;
  report.up = system_clock().steady() - started_;
  for (const ShardStatus& status : *all) report.copies.push_back(report_of(status));
  co_return report;
}

Task<std::vector<Control::NodeView>> Control::look_at_all() {
  CO_ASSIGN_OR_RETURN(std::vector<Reply> replies, co_await ask_all(ReportRequest{}));
  std::vector<NodeView> views;
  for (Reply& reply : replies) {
    NodeView& view = views.emplace_back();
    view.known = std::move(reply.known);
    auto* const report = reply.answer ? std::get_if<NodeReport>(&*reply.answer) : nullptr;
    if (report && report->node == view.known.node)
      view.report = std::move(*report);
    else
      view.no_answer = reply.answer ? "its answer makes no sense"
                                    : why_no_answer(view.known, reply.answer.error());
  }
  co_return views;
}

Task<std::vector<Control::NodeEvents>> Control::events_of_all(EventsRequest request) {
  CO_ASSIGN_OR_RETURN(std::vector<Reply> replies, co_await ask_all(request));
  std::vector<NodeEvents> all;
  for (Reply& reply : replies) {
    NodeEvents& of_node = all.emplace_back();
    of_node.node = reply.known.node;
    auto* const events = reply.answer ? std::get_if<Events>(&*reply.answer) : nullptr;
    if (events)
      of_node.events = std::move(*events);
    else
      of_node.no_answer = reply.answer ? "its answer makes no sense"
                                       : why_no_answer(reply.known, reply.answer.error());
  }
  co_return all;
}

Task<NodeId> Control::leader(ShardId shard) {
  const Shard* const here = find_shard(options_.shards, shard);
  if (here && here->leads()) co_return options_.node;
  CO_ASSIGN_OR_RETURN(const auto views, co_await look_at_all());
  bool known = false;
  for (const NodeView& view : views) {
    if (!view.report) continue;
    for (const CopyReport& copy : view.report->copies) {
      known |= copy.shard == shard;
      if (copy.shard == shard && copy.open) co_return view.known.node;
    }
  }
  if (!known) co_return Error{ErrorCode::kNotFound, "there is no shard " + to_string(shard)};
  co_return Error{ErrorCode::kUnavailable, "no node leads shard " + to_string(shard) +
                                               " now: look with everpost why shard " +
                                               to_string(shard)};
}

Task<Switched> Control::find_and_switch(SwitchRequest order) {
  CO_ASSIGN_OR_RETURN(const NodeId primary, co_await leader(order.shard));
  CO_ASSIGN_OR_RETURN(const ControlAnswer answer,
                      co_await ask(primary, order, kSwitchDeadline + kPatience));
  if (const auto* switched = std::get_if<Switched>(&answer)) co_return *switched;
  co_return Error{ErrorCode::kCorrupt,
                  "node " + to_string(primary) + " gave an answer that makes no sense"};
}

Task<Switched> Control::hand_over(SwitchRequest order) {
  Shard* const found = find_shard(options_.shards, order.shard);
  if (!found)
    co_return Error{ErrorCode::kNotPrimary, "no copy of shard " + to_string(order.shard) +
                                                " on node " + to_string(options_.node)};
  Shard& shard = *found;
  const Driver::Standing before = shard.standing();
  NodeId to = order.to;
  if (to == NodeId{0} && before.config && !before.config->replicas.empty())
    to = before.config->replicas.front();
  if (before.open && to == options_.node) co_return Switched{to, to, Micros{0}};
  if (options_.journal)
    options_.journal->add(order.shard,
                          {system_clock().wall(), before.epoch, false,
                           "switch to node " + to_string(to) + " asked for", order.actor});
  log::info("switch of a primary asked for",
            {{"shard", order.shard}, {"node", to}, {"actor", order.actor}});

  const Micros began = system_clock().steady();
  Micros asked = began;
  CO_CHECK(shard.transfer(to));
  while (!stopping_ && system_clock().steady() - began < kSwitchDeadline) {
    const auto there = co_await ask(to, CopiesRequest{order.shard}, kPatience);
    const Micros now = system_clock().steady();
    const auto* const copy = there ? std::get_if<CopyReport>(&*there) : nullptr;
    if (copy && copy->open && copy->epoch > before.epoch)
      co_return Switched{options_.node, to, now - began};
    if (shard.leads() && now - asked > kSwitchAgainAfter) {
      asked = now;
      CO_CHECK(shard.transfer(to));
    }
    CO_CHECK(co_await pause(kSwitchLookEvery));
  }
  co_return Error{ErrorCode::kTimeout,
                  "node " + to_string(to) + " did not take shard " + to_string(order.shard) +
                      " over in " + std::to_string(kSwitchDeadline.count()) +
                      " s: look with everpost why shard " + to_string(order.shard)};
}

}  // namespace everpost::cluster
