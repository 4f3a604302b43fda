// A connection that a peer made to us, on which it sends and calls.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "base/capnp.h"
#include "rpc/budget.h"
#include "rpc/schema/node.capnp.h"
#include "rpc/wire.h"

namespace everpost::rpc {

class Core;

using CallContext = capnp::CallContext<wire::Session::CallParams, wire::Answer>;

class Inbound final : private kj::TaskSet::ErrorHandler {
 public:
  // TLS is done; whoever it is has `certificate`.
  Inbound(Core& core, std::uint64_t id, kj::Own<kj::AsyncIoStream> stream,
          kj::Own<kj::TlsPeerIdentity> certificate);
  ~Inbound() noexcept(false);

  void close() { closed_ = true; }  // nothing of it counts any more
  void resume();                    // the receiver has let go of enough
  void answered(std::uint64_t call, Result<std::string> result);
  std::optional<NodeId> node() const;

  // Its capabilities' methods.
  wire::Refusal hello(wire::Identity::Reader mine, wire::Channel channel, std::uint64_t link);
  kj::Promise<void> deliver(capnp::List<wire::Message>::Reader messages);
  kj::Promise<void> call(CallContext context);
  Core& core() { return core_; }

 private:
  void end(const Error& why);
  void taskFailed(kj::Exception&& exception) override;

  Core& core_;
  const std::uint64_t id_;
  // What Cap'n Proto may keep for a moment longer than the connection finds null here then.
  const std::shared_ptr<Inbound*> self_ = std::make_shared<Inbound*>(this);
  kj::Own<kj::TlsPeerIdentity> certificate_;
  bool closed_ = false;
  std::optional<PeerInfo> peer_;  // has said hello
  Channel channel_{};
  std::shared_ptr<Budget> receiving_;
  std::string partial_;  // of a message that goes on in the next frame
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> room_;
  std::unordered_map<std::uint64_t, kj::Own<kj::PromiseFulfiller<Result<std::string>>>> serving_;
  std::uint64_t last_call_ = 0;
  Connection connection_;
  kj::TaskSet tasks_;
};

}  // namespace everpost::rpc
