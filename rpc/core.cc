#include "rpc/core.h"

#include "base/invariant.h"
#include "base/log.h"
#include "base/random.h"
#include "rpc/certificates.h"
#include "rpc/identity.h"

namespace everpost::rpc {
namespace {

constexpr auto kRefusalsLoggedEvery = 5 * kj::SECONDS;

}  // namespace

Core::Core(Shared& state, kj::AsyncIoContext& io)
    : shared(state),
      timer(io.provider->getTimer()),
      network(io.provider->getNetwork()),
      tls(make_tls(state.options)),
      wait_scope_(io.waitScope),
      observer_(io.unixEventPort, state.jobs->file(), kj::UnixEventPort::FdObserver::OBSERVE_READ),
      listener_(network.parseAddress(kj::StringPtr(state.options.listen.c_str()))
                    .wait(io.waitScope)
                    ->listen()),
      dialler_(*io.lowLevelProvider, *listener_),
      random_(static_cast<std::minstd_rand::result_type>(random_u64())),
      tasks_(*this) {}

Core::~Core() noexcept(false) {
  shared.jobs->close();
  // Peers drop the connections that were made to us; those need the peers no more then.
  peers_.clear();
  inbound_.clear();
}

void Core::run() {
  // Look after sockets and timers now and then, however much there is to do.
  wait_scope_.setBusyPollInterval(64);
  tasks_.add(run_jobs());
  tasks_.add(accept());
  stopped_.promise.wait(wait_scope_);
}

kj::Promise<void> Core::run_jobs() {
  // Asked for first: what becomes readable while jobs run must not be missed.
  auto readable = observer_.whenBecomesReadable();
  for (Job& job : shared.jobs->take()) job(this);
  return readable.then([this] { return run_jobs(); });
}

// ---- peers

void Core::set_peers(const std::map<NodeId, std::string>& addresses) {
  std::erase_if(peers_, [&](const auto& entry) {
    const auto found = addresses.find(entry.first);
    return found == addresses.end() || found->second != entry.second->address;
  });
  for (const auto& [node, address] : addresses) {
    std::shared_ptr<Outboxes> outboxes;
    {
      const std::lock_guard lock(shared.mutex);
      const auto found = shared.outboxes.find(node);
      if (found == shared.outboxes.end()) continue;  // set_peers() was called again meanwhile
      outboxes = found->second;
    }
    if (!peers_.contains(node))
      peers_.emplace(node, std::make_unique<Peer>(*this, node, address, std::move(outboxes)));
  }
}

Peer* Core::find(NodeId node) {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : found->second.get();
}

void Core::wake(NodeId peer, Channel channel) {
  if (Peer* found = find(peer)) found->wake(channel);
}

void Core::call(std::unique_ptr<Call> call) {
  if (Peer* peer = find(call->peer)) return peer->call(std::move(call));
  call->finish(Error{ErrorCode::kUnavailable, "node " + to_string(call->peer) + " is no peer"});
}

void Core::cancel(NodeId peer, std::uint64_t call) {
  if (Peer* found = find(peer)) found->cancel(call);
}

void Core::link_ended(NodeId peer, std::uint64_t link, const std::string& why) {
  Peer* found = find(peer);
  if (found && found->link() && found->link()->number == link) found->link()->ended(why);
}

// ---- connections made to us

kj::Promise<void> Core::accept() {
  return listener_->acceptAuthenticated().then(
      [this](kj::AuthenticatedStream stream) {
        greet(kj::mv(stream));
        return accept();
      },
      [this](kj::Exception&& exception) {
        // No file descriptors left, say. Trying again at once would only burn the processor.
        log::error("accepting connections of nodes", {{"why", exception.getDescription().cStr()}});
        return timer.afterDelay(100 * kj::MILLISECONDS).then([this] { return accept(); });
      });
}

// Until it has said hello it is a stranger, of whom there are only so many at a time.
void Core::greet(kj::AuthenticatedStream stream) {
  if (strangers_ >= shared.options.limits.strangers_max) return;
  ++strangers_;
  set_socket_options(*stream.stream, std::chrono::seconds{30});
  const auto timeout = shared.options.hello_timeout.count() * kj::MICROSECONDS;
  std::string who = stream.peerIdentity->toString().cStr();
  tasks_.add(timer.timeoutAfter(timeout, tls.wrapServer(kj::mv(stream)))
                 .then(
                     [this](kj::AuthenticatedStream secured) {
                       const std::uint64_t id = ++last_inbound_;
                       inbound_.emplace(id,
                                        std::make_unique<Inbound>(
                                            *this, id, kj::mv(secured.stream),
                                            secured.peerIdentity.downcast<kj::TlsPeerIdentity>()));
                     },
                     [this, who](kj::Exception&& exception) {
                       --strangers_;
                       log_refusal(wire::Refusal::WRONG_CERTIFICATE,
                                   who + ": " + exception.getDescription().cStr(), NodeId{0});
                     }));
}

Inbound* Core::inbound(std::uint64_t id) {
  const auto found = inbound_.find(id);
  return found == inbound_.end() ? nullptr : found->second.get();
}

void Core::drop(std::uint64_t id) {
  Inbound* found = inbound(id);
  if (!found) return;
  found->close();
  later([this, id] { inbound_.erase(id); });
}

void Core::log_refusal(wire::Refusal why, const std::string& who, NodeId claimed) {
  const auto [entry, first] = refusals_.try_emplace(why, Refusals{timer.now(), 0});
  Refusals& kind = entry->second;
  if (!first && timer.now() - kind.logged < kRefusalsLoggedEvery) {
    ++kind.since;
    return;
  }
  log::warning("connection of a node refused", {{"why", refused(why).context},
                                                {"from", who},
                                                {"node", claimed},
                                                {"more", std::exchange(kind.since, 0)}});
  kind.logged = timer.now();
}

void Core::taskFailed(kj::Exception&& exception) {
  log::error("transport", {{"why", exception.getDescription().cStr()}});
}

}  // namespace everpost::rpc
