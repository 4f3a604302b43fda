// What the transport's thread has: KJ's loop, the peers, the connections they made to us. All of it
// lives and dies on that thread; `Shared` is what other threads see.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <random>

#include "rpc/budget.h"
#include "rpc/call.h"
#include "rpc/dialler.h"
#include "rpc/inbound.h"
#include "rpc/job_queue.h"
#include "rpc/outbox.h"
#include "rpc/peer.h"
#include "rpc/wire.h"

namespace everpost::rpc {

struct Served {
  asio::any_io_executor executor;
  Handler handler;
};

struct Shared {
  Shared(Options given, Receiver& told) : options(std::move(given)), receiver(told) {}

  const Options options;
  Receiver& receiver;
  const std::shared_ptr<JobQueue> jobs = std::make_shared<JobQueue>();

  mutable std::mutex mutex;  // guards what follows
  std::map<NodeId, std::shared_ptr<Outboxes>> outboxes;
  std::map<Method, std::shared_ptr<const Served>> served;
  std::map<NodeId, PeerStatus> status;
};

class Core final : private kj::TaskSet::ErrorHandler {
 public:
  // Reads the TLS files and binds the address. Throws kj::Exception.
  Core(Shared& shared, kj::AsyncIoContext& io);
  ~Core() noexcept(false);

  unsigned port() { return listener_->getPort(); }
  // Works until stop(); then everything is broken off.
  void run();
  void stop() { stopped_.fulfiller->fulfill(); }

  void set_peers(const std::map<NodeId, std::string>& addresses);
  void wake(NodeId peer, Channel channel);
  void call(std::unique_ptr<Call> call);
  void cancel(NodeId peer, std::uint64_t call);

  void link_ended(NodeId peer, std::uint64_t link, const std::string& why);

  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::NetworkAddress& address) {
    return dialler_.connect(address);
  }

  Peer* find(NodeId node);
  Inbound* inbound(std::uint64_t id);
  // Closes a connection made to us: nothing more comes from it, and soon it is gone.
  void drop(std::uint64_t inbound);
  void said_hello() { --strangers_; }
  std::uint64_t next_link() { return ++last_link_; }

  // One line for each kind of refusal in five seconds.
  void log_refusal(wire::Refusal why, const std::string& who, NodeId claimed);

  // Runs `work` soon, when nothing of what runs now is on the stack any more.
  template <class Work>
  void later(Work work) {
    tasks_.add(kj::evalLater(kj::mv(work)));
  }
  Micros jitter(Micros most) {  // between half of it and all
    return Micros{
        std::uniform_int_distribution<std::int64_t>(most.count() / 2, most.count())(random_)};
  }

  Shared& shared;
  kj::Timer& timer;
  kj::Network& network;
  kj::TlsContext tls;

 private:
  kj::Promise<void> run_jobs();
  kj::Promise<void> accept();
  void greet(kj::AuthenticatedStream stream);
  void taskFailed(kj::Exception&& exception) override;

  kj::WaitScope& wait_scope_;
  kj::UnixEventPort::FdObserver observer_;
  kj::Own<kj::ConnectionReceiver> listener_;
  Dialler dialler_;
  std::minstd_rand random_;
  std::map<NodeId, std::unique_ptr<Peer>> peers_;
  std::map<std::uint64_t, std::unique_ptr<Inbound>> inbound_;
  std::uint64_t last_inbound_ = 0;
  std::uint64_t last_link_ = 0;
  std::size_t strangers_ = 0;
  struct Refusals {
    kj::TimePoint logged;
    std::uint64_t since = 0;
  };
  std::map<wire::Refusal, Refusals> refusals_;
  kj::PromiseFulfillerPair<void> stopped_ = kj::newPromiseAndFulfiller<void>();
  kj::TaskSet tasks_;  // last: what it runs uses the rest
};

}  // namespace everpost::rpc
