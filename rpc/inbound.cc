#include "rpc/inbound.h"

#include "base/bytes.h"
#include "base/exception.h"
#include "rpc/certificates.h"
#include "rpc/core.h"
#include "rpc/identity.h"

namespace everpost::rpc {
namespace {

void write_answer(wire::Answer::Builder to, const Result<std::string>& result) {
  if (result) {
    to.setPayload({reinterpret_cast<const kj::byte*>(result->data()), result->size()});
    return;
  }
  auto error = to.initError();
  error.setCode(std::string(to_string(result.error().code)).c_str());
  error.setContext(result.error().context.c_str());
}

capnp::MessageSize answer_size(const Result<std::string>& result) {
  const std::size_t bytes = result ? result->size() : result.error().context.size() + 64;
  return {pad8(bytes) / sizeof(capnp::word) + 16, 0};
}

Inbound& there(const std::shared_ptr<Inbound*>& inbound) {
  if (!*inbound) kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the connection has ended"));
  return **inbound;
}

class SessionServer final : public wire::Session::Server {
 public:
  explicit SessionServer(std::shared_ptr<Inbound*> inbound) : inbound_(std::move(inbound)) {}

  kj::Promise<void> deliver(DeliverContext context) override {
    return there(inbound_).deliver(context.getParams().getMessages());
  }
  kj::Promise<void> call(CallContext context) override { return there(inbound_).call(context); }

 private:
  const std::shared_ptr<Inbound*> inbound_;
};

class NodeServer final : public wire::Node::Server {
 public:
  explicit NodeServer(std::shared_ptr<Inbound*> inbound) : inbound_(std::move(inbound)) {}

  kj::Promise<void> hello(HelloContext context) override {
    Inbound& inbound = there(inbound_);
    const auto params = context.getParams();
    const wire::Refusal refusal =
        inbound.hello(params.getMine(), params.getChannel(), params.getLink());
    auto results = context.getResults();
    write_identity(inbound.core().shared.options, results.initTheirs());
    results.setRefusal(refusal);
    if (refusal == wire::Refusal::NONE) results.setSession(kj::heap<SessionServer>(inbound_));
    return kj::READY_NOW;
  }

 private:
  const std::shared_ptr<Inbound*> inbound_;
};

}  // namespace

Inbound::Inbound(Core& core, std::uint64_t id, kj::Own<kj::AsyncIoStream> stream,
                 kj::Own<kj::TlsPeerIdentity> certificate)
    : core_(core),
      id_(id),
      certificate_(kj::mv(certificate)),
      connection_(kj::mv(stream), core.shared.options.limits.window_bytes,
                  kj::heap<NodeServer>(self_)),
      tasks_(*this) {
  tasks_.add(connection_.wire().on_end().then(
      [this](kj::String why) { end({ErrorCode::kClosed, why.cStr()}); }));
  tasks_.add(core_.timer.afterDelay(core_.shared.options.hello_timeout.count() * kj::MICROSECONDS)
                 .then([this] {
                   if (!peer_) core_.drop(id_);
                 }));
}

Inbound::~Inbound() noexcept(false) {
  *self_ = nullptr;
  if (!peer_) core_.said_hello();
}

std::optional<NodeId> Inbound::node() const {
  return peer_ ? std::optional(peer_->node) : std::nullopt;
}

wire::Refusal Inbound::hello(wire::Identity::Reader mine, wire::Channel channel,
                             std::uint64_t link) {
  if (closed_) return wire::Refusal::STALE;
  Claim claim = read_claim(core_.shared.options, mine, [this](NodeId node) {
    return certificate_->getCommonName() == certificate_name(node).c_str();
  });
  Peer* peer = claim.refusal == wire::Refusal::NONE ? core_.find(claim.peer.node) : nullptr;
  if (peer_ || static_cast<std::size_t>(channel) >= kChannels)
    claim.refusal = wire::Refusal::MALFORMED;
  else if (claim.refusal == wire::Refusal::NONE && !peer)
    claim.refusal = wire::Refusal::UNKNOWN_NODE;
  if (claim.refusal == wire::Refusal::NONE) {
    channel_ = static_cast<Channel>(channel);
    if (!peer->accepted(claim.peer, link, channel_, id_)) {
      claim.refusal = wire::Refusal::STALE;
    } else {
      peer_ = claim.peer;
      receiving_ = peer->receiving[static_cast<std::size_t>(channel_)];
      core_.said_hello();
    }
  }
  if (claim.refusal != wire::Refusal::NONE)
    core_.log_refusal(claim.refusal, certificate_->toString().cStr(), claim.peer.node);
  return claim.refusal;
}

kj::Promise<void> Inbound::deliver(capnp::List<wire::Message>::Reader messages) {
  const Limits& limits = core_.shared.options.limits;
  for (const auto message : messages) {
    if (closed_) return kj::READY_NOW;
    const auto bytes = message.getBytes();
    const std::size_t whole = partial_.size() + bytes.size() + message.getLeft();
    if (whole > limits.message_bytes_max) {
      end({ErrorCode::kTooLarge, "a message above the limit"});
      return kj::READY_NOW;
    }
    partial_.reserve(whole);
    partial_.append(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    if (message.getLeft() > 0) continue;
    auto hold = receiving_->take(partial_.size() + Outbox::kOverhead);
    core_.shared.receiver.received({peer_->node, channel_, ShardId{message.getShard()},
                                    std::exchange(partial_, {}), std::move(hold)});
  }
  if (receiving_->used().bytes <= limits.receive_bytes_max) return kj::READY_NOW;
  // While this call has not returned nothing else of the stream is looked at, and after a window
  // full of it the peer sends nothing more.
  const bool room =
      receiving_->at_most(limits.receive_bytes_max / 2, [jobs = core_.shared.jobs, id = id_] {
        jobs->post([id](Core* core) {
          if (Inbound* waiting = core->inbound(id)) waiting->resume();
        });
      });
  if (room) return kj::READY_NOW;
  auto wait = kj::newPromiseAndFulfiller<void>();
  room_ = kj::mv(wait.fulfiller);
  return kj::mv(wait.promise);
}

void Inbound::resume() {
  KJ_IF_MAYBE (waiting, room_) {
    (*waiting)->fulfill();
    room_ = nullptr;
  }
}

kj::Promise<void> Inbound::call(CallContext context) {
  const Limits& limits = core_.shared.options.limits;
  const auto params = context.getParams();
  const auto bytes = params.getPayload();
  const auto refuse = [&](Error error) -> kj::Promise<void> {
    write_answer(context.getResults(), std::move(error));
    return kj::READY_NOW;
  };
  std::shared_ptr<const Served> served;
  {
    const std::lock_guard lock(core_.shared.mutex);
    const auto found = core_.shared.served.find(params.getMethod());
    if (found != core_.shared.served.end()) served = found->second;
  }
  Peer* peer = closed_ ? nullptr : core_.find(peer_->node);
  if (!peer) return refuse({ErrorCode::kClosed, "the link has ended"});
  if (!served)
    return refuse({ErrorCode::kUnsupported, "no method " + std::to_string(params.getMethod())});
  const Budget::Used used = peer->serving->used();
  if (used.count >= limits.calls_max || used.bytes + bytes.size() > limits.calls_bytes_max)
    return refuse({ErrorCode::kBusy, "too many calls are under way"});

  std::string payload(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  const std::uint64_t call = ++last_call_;
  auto answer = kj::newPromiseAndFulfiller<Result<std::string>>();
  serving_.emplace(call, kj::mv(answer.fulfiller));
  const Micros timeout = std::chrono::milliseconds{params.getTimeoutMs()};
  auto deadline =
      core_.timer.afterDelay(timeout.count() * kj::MICROSECONDS).then([]() -> Result<std::string> {
        return Error{ErrorCode::kTimeout, "the handler took too long; it may still happen"};
      });

  asio::co_spawn(
      served->executor,
      [served, from = peer_->node, payload = std::move(payload)]() mutable {
        return served->handler(from, std::move(payload));
      },
      [jobs = core_.shared.jobs, id = id_, call, hold = peer->serving->take(bytes.size()), served,
       max = limits.call_bytes_max](std::exception_ptr thrown, Result<std::string> result) mutable {
        if (thrown) result = Error{ErrorCode::kInternal, "exception: " + what(thrown)};
        if (result && result->size() > max)
          result = Error{ErrorCode::kTooLarge, "the answer is above the limit"};
        jobs->post(
            [id, call, result = std::move(result), hold = std::move(hold)](Core* core) mutable {
              if (Inbound* inbound = core->inbound(id)) inbound->answered(call, std::move(result));
            });
      });

  context.releaseParams();
  context.allowCancellation();
  return answer.promise.exclusiveJoin(kj::mv(deadline))
      .then([context](Result<std::string> result) mutable {
        write_answer(context.getResults(answer_size(result)), result);
      })
      .attach(kj::defer([self = self_, call] {
        if (*self) (*self)->serving_.erase(call);
      }));
}

void Inbound::answered(std::uint64_t call, Result<std::string> result) {
  const auto found = serving_.find(call);
  if (found != serving_.end()) found->second->fulfill(std::move(result));
}

void Inbound::end(const Error& why) {
  if (std::exchange(closed_, true)) return;
  if (Peer* peer = peer_ ? core_.find(peer_->node) : nullptr) peer->ended(id_, why);
  core_.drop(id_);
}

void Inbound::taskFailed(kj::Exception&& exception) {
  end({ErrorCode::kClosed, exception.getDescription().cStr()});
}

}  // namespace everpost::rpc
