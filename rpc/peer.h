// One peer, as the transport's thread sees it: the link to it, which is dialled again whenever it
// is missing, and the link from it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "rpc/budget.h"
#include "rpc/call.h"
#include "rpc/link.h"
#include "rpc/outbox.h"
#include "rpc/transport.h"

namespace everpost::rpc {

class Core;

class Peer final : private kj::TaskSet::ErrorHandler {
 public:
  Peer(Core& core, NodeId node, std::string address, std::shared_ptr<Outboxes> outboxes);
  ~Peer() noexcept(false);

  const NodeId node;
  const std::string address;
  const std::shared_ptr<Outboxes> outboxes;

  // What was received on each channel and is still held; calls that our handlers work on.
  const std::array<std::shared_ptr<Budget>, kChannels> receiving;
  const std::shared_ptr<Budget> serving = std::make_shared<Budget>();

  void wake(Channel channel);
  void call(std::unique_ptr<Call> call);
  void cancel(std::uint64_t id);

  // ---- the link to the peer
  Link* link() { return link_.get(); }
  void link_up(const PeerInfo& peer);
  void link_failed(const Error& why);

  // ---- the link from it
  // A connection has said hello. False: it belongs to an older link than the present one.
  bool accepted(const PeerInfo& peer, std::uint64_t link, Channel channel, std::uint64_t inbound);
  void ended(std::uint64_t inbound, const Error& why);

 private:
  void dial();
  void dial_after(Micros delay);
  void end_inbound();
  void update(const Error& why);
  void log_failure(const Error& why);
  void taskFailed(kj::Exception&& exception) override;

  Core& core_;
  std::unique_ptr<Link> link_;
  std::optional<PeerInfo> linked_;  // link_ is up
  bool dialling_ = false;
  Micros retry_;
  kj::TimePoint linked_since_;
  std::string logged_failure_;
  kj::TimePoint logged_at_;

  struct From {
    PeerInfo peer;
    std::uint64_t link = 0;
    std::array<std::uint64_t, kChannels> inbound{};  // 0: none
    bool complete() const;
  };
  From from_;
  bool connected_ = false;  // the receiver was told so

  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> hurry_;  // ends the wait before the next attempt
  kj::TaskSet tasks_;
};

}  // namespace everpost::rpc
