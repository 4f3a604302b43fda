#include "rpc/link.h"

#include "rpc/certificates.h"
#include "rpc/core.h"
#include "rpc/identity.h"

namespace everpost::rpc {
namespace {

kj::Duration duration(Micros micros) { return micros.count() * kj::MICROSECONDS; }

std::size_t words(std::size_t bytes) { return pad8(bytes) / sizeof(capnp::word); }

capnp::Data::Reader data(Bytes bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

bool says(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

// What a failure to make or keep a link comes to.
Error link_error(const kj::Exception& exception) {
  const std::string text = exception.getDescription().cStr();
  // KJ has no type for it: OpenSSL's words are "certificate verify failed", "hostname mismatch",
  // "alert unknown ca", "alert certificate required".
  if (says(text, "certificate") || says(text, "alert")) return {ErrorCode::kPermissionDenied, text};
  if (exception.getType() == kj::Exception::Type::OVERLOADED) return {ErrorCode::kTimeout, text};
  return {ErrorCode::kUnavailable, text};
}

Error call_error(const kj::Exception& exception) {
  const std::string text = exception.getDescription().cStr();
  switch (exception.getType()) {
    case kj::Exception::Type::DISCONNECTED:
      return {ErrorCode::kClosed, text};
    case kj::Exception::Type::OVERLOADED:
      return {ErrorCode::kBusy, text};
    case kj::Exception::Type::UNIMPLEMENTED:
      return {ErrorCode::kUnsupported, text};
    case kj::Exception::Type::FAILED:
      break;
  }
  return {ErrorCode::kInternal, text};
}

ErrorCode code_named(std::string_view name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code)
    if (to_string(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  return ErrorCode::kInternal;  // one that a later version has
}

Result<std::string> read_answer(wire::Answer::Reader answer) {
  if (answer.isError()) {
    const auto error = answer.getError();
    return Error{code_named({error.getCode().cStr(), error.getCode().size()}),
                 error.getContext().cStr()};
  }
  const auto payload = answer.getPayload();
  return std::string(reinterpret_cast<const char*>(payload.begin()), payload.size());
}

}  // namespace

Link::Link(Core& core, Peer& peer, std::uint64_t link_number)
    : number(link_number),
      core_(core),
      peer_(peer),
      name_(certificate_name(peer.node)),
      tasks_(*this) {}

Link::~Link() noexcept(false) {}

void Link::start() {
  auto made = core_.network.parseAddress(kj::StringPtr(peer_.address.c_str()))
                  .then([this](kj::Own<kj::NetworkAddress> address) {
                    auto connections = kj::heapArrayBuilder<kj::Promise<void>>(kChannels);
                    for (std::size_t i = 0; i < kChannels; ++i)
                      connections.add(connect(*address, static_cast<Channel>(i)));
                    return kj::joinPromises(connections.finish()).attach(kj::mv(address));
                  })
                  .then([this] { up(); });
  tasks_.add(core_.timer.timeoutAfter(duration(core_.shared.options.hello_timeout), kj::mv(made)));
}

kj::Promise<void> Link::connect(kj::NetworkAddress& address, Channel channel) {
  return core_.dial(address)
      .then([this, channel](kj::Own<kj::AsyncIoStream> stream) {
        // How long others are silent does not matter: all of a link end with its control channel.
        set_socket_options(*stream, channel == Channel::kControl
                                        ? core_.shared.options.silent_after
                                        : Micros{std::chrono::seconds{30}});
        return core_.tls.wrapClient(kj::mv(stream), name_.c_str());
      })
      .then([this, channel](kj::Own<kj::AsyncIoStream> stream) {
        Lane& made = lane(channel);
        made.connection =
            kj::heap<Connection>(kj::mv(stream), core_.shared.options.limits.window_bytes);
        auto hello = made.connection->bootstrap().castAs<wire::Node>().helloRequest();
        write_identity(core_.shared.options, hello.initMine());
        hello.setChannel(static_cast<wire::Channel>(channel));
        hello.setLink(number);
        tasks_.add(made.connection->wire().on_end().then([this](kj::String why) {
          // A hello that fails says more than this end of it.
          core_.later([&core = core_, node = peer_.node, link = number,
                       reason = std::string(why.cStr())] { core.link_ended(node, link, reason); });
        }));
        return hello.send();
      })
      .then([this, channel](capnp::Response<wire::Node::HelloResults> answer) {
        return said_hello(answer, channel);
      });
}

kj::Promise<void> Link::said_hello(wire::Node::HelloResults::Reader answer, Channel channel) {
  // TLS has checked that the certificate is that of the node we wanted to reach.
  const Claim claim = read_claim(core_.shared.options, answer.getTheirs(),
                                 [this](NodeId node) { return node == peer_.node; });
  if (answer.getRefusal() != wire::Refusal::NONE)
    refused_ = in_context("refused by the peer", refused(answer.getRefusal()));
  else if (claim.refusal != wire::Refusal::NONE)
    refused_ = refused(claim.refusal);
  else if (claimed_ && claimed_->incarnation != claim.peer.incarnation)
    refused_ = Error{ErrorCode::kUnavailable, "restarted meanwhile"};
  if (refused_) return KJ_EXCEPTION(FAILED, "refused");
  claimed_ = claim.peer;
  lane(channel).session = answer.getSession();
  return kj::READY_NOW;
}

void Link::up() {
  if (failed_) return;
  for (Outbox& outbox : *peer_.outboxes) outbox.open();
  for (std::size_t i = 0; i < kChannels; ++i) tasks_.add(pump(static_cast<Channel>(i)));
  peer_.link_up(*claimed_);
}

// ---- messages

void Link::wake(Channel channel) {
  KJ_IF_MAYBE (sleeper, lane(channel).wake) {
    (*sleeper)->fulfill();
    lane(channel).wake = nullptr;
  }
}

// Sends what there is, as fast as the window lets it; while it waits, messages gather to larger
// frames.
kj::Promise<void> Link::pump(Channel channel) {
  Lane& from = lane(channel);
  if (from.messages.empty())
    from.messages = (*peer_.outboxes)[static_cast<std::size_t>(channel)].take(
        core_.shared.options.limits.frame_bytes);
  if (from.messages.empty()) {
    auto sleep = kj::newPromiseAndFulfiller<void>();
    from.wake = kj::mv(sleep.fulfiller);
    return sleep.promise.then([this, channel] { return pump(channel); });
  }
  return send_frame(from).then([this, channel] { return pump(channel); });
}

kj::Promise<void> Link::send_frame(Lane& from) {
  struct Piece {
    ShardId shard;
    Bytes bytes;
    std::size_t left;  // of the message, behind these
  };
  std::vector<Piece> pieces;
  std::size_t size = 0, index = 0, offset = from.offset;
  const std::size_t size_max = core_.shared.options.limits.frame_bytes;
  for (; index < from.messages.size() && size < size_max; ++index, offset = 0) {
    const Outgoing& message = from.messages[index];
    const Bytes left = as_bytes(message.bytes).subspan(offset);
    const std::size_t room = size_max - size;
    if (left.size() > room && !pieces.empty()) break;  // it begins the next frame
    const bool more = left.size() > room;
    pieces.push_back(
        {message.shard, more ? left.first(room) : left, more ? left.size() - room : 0});
    size += pieces.back().bytes.size() + Outbox::kOverhead;
    if (!more) continue;
    offset += room;
    break;
  }

  std::size_t needed = 16;
  for (const Piece& piece : pieces) needed += words(piece.bytes.size()) + 2;
  auto request = from.session.deliverRequest(capnp::MessageSize{needed, 0});
  auto messages = request.initMessages(static_cast<unsigned>(pieces.size()));
  for (unsigned i = 0; i < pieces.size(); ++i) {
    messages[i].setShard(pieces[i].shard.value);
    messages[i].setLeft(static_cast<std::uint32_t>(pieces[i].left));
    messages[i].setBytes(data(pieces[i].bytes));
  }
  from.messages.erase(from.messages.begin(),
                      from.messages.begin() + static_cast<std::ptrdiff_t>(index));
  from.offset = offset;
  return request.send();
}

// ---- calls

void Link::call(std::unique_ptr<Call> call) {
  const Limits& limits = core_.shared.options.limits;
  const std::size_t size = call->payload.size();
  if (calls_.size() >= limits.calls_max || calls_bytes_ + size > limits.calls_bytes_max)
    return call->finish(Error{
        ErrorCode::kBusy, "too many calls of node " + to_string(peer_.node) + " are under way"});
  auto request = lane(call->channel).session.callRequest(capnp::MessageSize{words(size) + 16, 0});
  request.setMethod(call->method);
  request.setTimeoutMs(static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(call->timeout.count() / 1000, 1, UINT32_MAX)));
  request.setPayload(data(as_bytes(call->payload)));
  const std::uint64_t id = call->id;
  auto give_up = kj::newPromiseAndFulfiller<void>();
  auto answer = request.send().then(
      [this, id](capnp::Response<wire::Answer> from) { finish(id, read_answer(from)); });
  auto deadline = core_.timer.afterDelay(duration(call->timeout)).then([this, id] {
    finish(id, Error{ErrorCode::kTimeout, "no answer in time; it may still happen"});
  });
  calls_bytes_ += size;
  calls_.emplace(id, Pending{std::move(call), kj::mv(give_up.fulfiller)});
  tasks_.add(
      answer.exclusiveJoin(kj::mv(deadline))
          .exclusiveJoin(kj::mv(give_up.promise))
          .catch_([this, id](kj::Exception&& exception) { finish(id, call_error(exception)); }));
}

void Link::cancel(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second.give_up->fulfill();
  finish(id, Error{ErrorCode::kClosed, "given up by the caller"});
}

void Link::finish(std::uint64_t id, Result<std::string> result) {
  const auto node = calls_.extract(id);
  if (node.empty()) return;
  Pending& pending = node.mapped();
  calls_bytes_ -= pending.call->payload.size();
  if (!result) result = in_context("node " + to_string(peer_.node), std::move(result).error());
  pending.call->finish(std::move(result));
}

// ---- its end

void Link::fail(const Error& why) {
  if (std::exchange(failed_, true)) return;
  peer_.link_failed(refused_.value_or(why));
}

void Link::ended(const std::string& why) {
  fail({says(why, "alert") || says(why, "certificate") ? ErrorCode::kPermissionDenied
                                                       : ErrorCode::kUnavailable,
        why});
}

void Link::taskFailed(kj::Exception&& exception) { fail(link_error(exception)); }

}  // namespace everpost::rpc
