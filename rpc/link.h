// The link to a peer: what we dialled, to send and to call. It is made once, comes up once, and
// fails once; the peer then makes another one.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <unordered_map>

#include "base/bytes.h"
#include "base/capnp.h"
#include "rpc/call.h"
#include "rpc/outbox.h"
#include "rpc/schema/node.capnp.h"
#include "rpc/wire.h"

namespace everpost::rpc {

class Core;
class Peer;

class Link final : private kj::TaskSet::ErrorHandler {
 public:
  // Numbered, so that the peer can tell a new link from an old one.
  Link(Core& core, Peer& peer, std::uint64_t link_number);
  ~Link() noexcept(false);

  // Dials. Leads to peer.link_up() and then peer.link_failed(), or the latter only.
  void start();

  // There is something in the outbox of `channel`.
  void wake(Channel channel);
  // The link is up.
  void call(std::unique_ptr<Call> call);
  void cancel(std::uint64_t id);

  const std::uint64_t number;
  void ended(const std::string& why);  // one of its connections has

 private:
  struct Lane {
    kj::Own<Connection> connection;
    wire::Session::Client session = nullptr;
    std::deque<Outgoing> messages;  // taken from the outbox
    std::size_t offset = 0;         // so much of the first one is sent
    kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> wake;
  };
  struct Pending {
    std::unique_ptr<Call> call;
    kj::Own<kj::PromiseFulfiller<void>> give_up;
  };

  Lane& lane(Channel channel) { return lanes_[static_cast<std::size_t>(channel)]; }
  kj::Promise<void> connect(kj::NetworkAddress& address, Channel channel);
  kj::Promise<void> said_hello(wire::Node::HelloResults::Reader answer, Channel channel);
  void up();
  kj::Promise<void> pump(Channel channel);
  kj::Promise<void> send_frame(Lane& lane);
  void finish(std::uint64_t id, Result<std::string> result);
  void fail(const Error& why);
  void taskFailed(kj::Exception&& exception) override;

  Core& core_;
  Peer& peer_;
  std::string name_;  // the peer's certificate's
  bool failed_ = false;
  std::optional<PeerInfo> claimed_;
  std::optional<Error> refused_;  // says more than the exception that follows
  std::array<Lane, kChannels> lanes_;
  std::unordered_map<std::uint64_t, Pending> calls_;
  std::size_t calls_bytes_ = 0;
  kj::TaskSet tasks_;
};

}  // namespace everpost::rpc
