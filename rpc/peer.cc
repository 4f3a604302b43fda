#include "rpc/peer.h"

#include <algorithm>

#include "base/log.h"
#include "rpc/core.h"

namespace everpost::rpc {
namespace {

// A link that lived for so long was a good one: the next attempt comes soon.
constexpr auto kGoodLink = 1 * kj::SECONDS;
// The same failure is not logged again for so long.
constexpr auto kSameFailure = 30 * kj::SECONDS;

std::array<std::shared_ptr<Budget>, kChannels> budgets() {
  std::array<std::shared_ptr<Budget>, kChannels> made;
  for (auto& budget : made) budget = std::make_shared<Budget>();
  return made;
}

}  // namespace

bool Peer::From::complete() const { return std::ranges::find(inbound, 0u) == inbound.end(); }

Peer::Peer(Core& core, NodeId peer, std::string at, std::shared_ptr<Outboxes> messages)
    : node(peer),
      address(std::move(at)),
      outboxes(std::move(messages)),
      receiving(budgets()),
      core_(core),
      retry_(core.shared.options.retry_first),
      linked_since_(core.timer.now()),
      logged_at_(core.timer.now()),
      tasks_(*this) {
  dial();
}

Peer::~Peer() noexcept(false) {
  for (Outbox& outbox : *outboxes) outbox.close();
  linked_.reset();
  end_inbound();
  update({ErrorCode::kClosed, "no longer a peer"});
}

// ---- the link to the peer

void Peer::dial() {
  dialling_ = true;
  hurry_ = nullptr;
  link_ = std::make_unique<Link>(core_, *this, core_.next_link());
  link_->start();
}

void Peer::dial_after(Micros delay) {
  dialling_ = false;
  auto hurry = kj::newPromiseAndFulfiller<void>();
  hurry_ = kj::mv(hurry.fulfiller);
  tasks_.add(core_.timer.afterDelay(delay.count() * kj::MICROSECONDS)
                 .exclusiveJoin(kj::mv(hurry.promise))
                 .then([this] { dial(); }));
}

void Peer::link_up(const PeerInfo& peer) {
  linked_ = peer;
  linked_since_ = core_.timer.now();
  logged_failure_.clear();
  log::info("link to node", {{"node", node}, {"address", address}});
  update({});
}

void Peer::link_failed(const Error& why) {
  for (Outbox& outbox : *outboxes) outbox.close();
  if (linked_ && core_.timer.now() - linked_since_ > kGoodLink)
    retry_ = core_.shared.options.retry_first;
  linked_.reset();
  log_failure(why);
  // The link is on the stack: it goes when it no longer is.
  core_.later([failed = std::move(link_)] {});
  {
    const std::lock_guard lock(core_.shared.mutex);
    core_.shared.status[node].error = why;
  }
  update(why);
  dial_after(core_.jitter(retry_));
  retry_ = std::min(retry_ * 2, core_.shared.options.retry_last);
}

void Peer::wake(Channel channel) {
  if (linked_) link_->wake(channel);
}

void Peer::call(std::unique_ptr<Call> call) {
  if (linked_) return link_->call(std::move(call));
  call->finish(Error{ErrorCode::kUnavailable, "no link to node " + to_string(node)});
}

void Peer::cancel(std::uint64_t id) {
  if (link_) link_->cancel(id);
}

// ---- the link from it

bool Peer::accepted(const PeerInfo& peer, std::uint64_t link, Channel channel,
                    std::uint64_t inbound) {
  const bool same_process = from_.peer.incarnation == peer.incarnation;
  if (same_process && link < from_.link) return false;
  if (!same_process || link > from_.link) {
    end_inbound();
    update({ErrorCode::kClosed, "the peer has made a new link"});
    from_.peer = peer;
    from_.link = link;
  }
  std::uint64_t& slot = from_.inbound[static_cast<std::size_t>(channel)];
  if (slot != 0) core_.drop(slot);
  slot = inbound;
  // It has just been started, perhaps: no need to wait any longer.
  KJ_IF_MAYBE (hurry, hurry_) {
    (*hurry)->fulfill();
  }
  update({});
  return true;
}

void Peer::ended(std::uint64_t inbound, const Error& why) {
  if (std::ranges::find(from_.inbound, inbound) == from_.inbound.end()) return;
  end_inbound();
  update(why);
}

void Peer::end_inbound() {
  for (std::uint64_t& inbound : from_.inbound)
    if (const auto id = std::exchange(inbound, 0)) core_.drop(id);
}

void Peer::update(const Error& why) {
  const bool both = linked_ && from_.complete() && linked_->incarnation == from_.peer.incarnation;
  {
    const std::lock_guard lock(core_.shared.mutex);
    const auto found = core_.shared.status.find(node);
    if (found != core_.shared.status.end()) {
      PeerStatus& status = found->second;
      status.linked = linked_.has_value();
      status.connected = both;
      status.incarnation = linked_ ? linked_->incarnation : 0;
      if (linked_) status.error.reset();
    }
  }
  if (both == connected_) return;
  connected_ = both;
  if (both) {
    log::info("node connected", {{"node", node}});
    core_.shared.receiver.connected(*linked_);
  } else {
    log::warning("node lost", {{"node", node}, {"why", why.context}});
    core_.shared.receiver.lost(node, why);
  }
}

void Peer::log_failure(const Error& why) {
  const kj::TimePoint now = core_.timer.now();
  if (logged_failure_ == why.context && now - logged_at_ < kSameFailure) return;
  logged_failure_ = why.context;
  logged_at_ = now;
  log::warning("no link to node", {{"node", node}, {"address", address}, {"why", why.context}});
}

void Peer::taskFailed(kj::Exception&& exception) {
  log::error("dialling a node", {{"node", node}, {"why", exception.getDescription().cStr()}});
}

}  // namespace everpost::rpc
