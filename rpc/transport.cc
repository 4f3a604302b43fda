#include "rpc/transport.h"

#include <csignal>
#include <future>
#include <thread>

#include "base/invariant.h"
#include "base/log.h"
#include "rpc/core.h"

namespace everpost::rpc {
namespace {

// KJ's own messages, as ours; and no stack traces, which cost much and are for KJ's developers.
class KjLog : public kj::ExceptionCallback {
 public:
  void logMessage(kj::LogSeverity, const char*, int, int, kj::String&& text) override {
    log::debug("kj", {{"text", text.cStr()}});
  }
  StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }
};

}  // namespace

class Transport::Thread {
 public:
  Thread(Options options, Receiver& receiver) : shared_(std::move(options), receiver) {}
  ~Thread() { stop(); }

  Result<std::uint16_t> start() {
    std::promise<Result<std::uint16_t>> started;
    auto port = started.get_future();
    // The process's signals are for other threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, &started] { run(started); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return port.get();
  }

  void stop() {
    if (!thread_.joinable()) return;
    INVARIANT(thread_.get_id() != std::this_thread::get_id(), "stop() on the transport's thread");
    shared_.jobs->post([](Core* core) { core->stop(); });
    thread_.join();
  }

  Shared& shared() { return shared_; }
  std::uint64_t next_call() { return ++last_call_; }

 private:
  // KJ wants its callback on the stack, and AddressSanitizer moves what it looks at elsewhere.
  [[clang::no_sanitize("address")]] void run(std::promise<Result<std::uint16_t>>& started) {
    const KjLog log;
    bool running = false;
    try {
      auto io = kj::setupAsyncIo();
      Core core(shared_, io);
      running = true;
      started.set_value(static_cast<std::uint16_t>(core.port()));
      core.run();
    } catch (const kj::Exception& exception) {
      const std::string why = exception.getDescription().cStr();
      if (running) {
        log::error("the transport failed", {{"why", why}});
        INVARIANT(!running, "KJ's loop threw");
      }
      started.set_value(Error{why.find("in use") != std::string::npos ? ErrorCode::kUnavailable
                                                                      : ErrorCode::kInvalidArgument,
                              "listen at " + shared_.options.listen + ": " + why});
    }
  }

  Shared shared_;
  std::atomic<std::uint64_t> last_call_{0};
  std::thread thread_;
};

Transport::Transport() = default;
Transport::~Transport() { stop(); }

Result<std::unique_ptr<Transport>> Transport::start(Options options, Receiver& receiver) {
  std::unique_ptr<Transport> made(new Transport);
  made->thread_ = std::make_unique<Thread>(std::move(options), receiver);
  ASSIGN_OR_RETURN(made->port_, made->thread_->start());
  return made;
}

void Transport::stop() { thread_->stop(); }

void Transport::set_peers(std::map<NodeId, std::string> addresses) {
  Shared& shared = thread_->shared();
  addresses.erase(shared.options.node);
  const std::lock_guard lock(shared.mutex);
  const auto gone = [&](const auto& entry) { return !addresses.contains(entry.first); };
  std::erase_if(shared.outboxes, gone);
  std::erase_if(shared.status, gone);
  for (const auto& [node, address] : addresses) {
    if (auto& outboxes = shared.outboxes[node]; !outboxes) outboxes = std::make_shared<Outboxes>();
    shared.status[node].address = address;
  }
  shared.jobs->post([addresses = std::move(addresses)](Core* core) { core->set_peers(addresses); });
}

bool Transport::send(NodeId peer, Channel channel, ShardId shard, std::string bytes) {
  Shared& shared = thread_->shared();
  if (bytes.size() > shared.options.limits.message_bytes_max) return false;
  std::shared_ptr<Outboxes> outboxes;
  {
    const std::lock_guard lock(shared.mutex);
    const auto found = shared.outboxes.find(peer);
    if (found == shared.outboxes.end()) return false;
    outboxes = found->second;
  }
  const Outbox::Put put = (*outboxes)[static_cast<std::size_t>(channel)].put(
      shard, std::move(bytes), shared.options.limits.send_bytes_max);
  if (put == Outbox::Put::kWake)
    shared.jobs->post([peer, channel](Core* core) { core->wake(peer, channel); });
  return put != Outbox::Put::kRefused;
}

Task<std::string> Transport::call(NodeId peer, Method method, std::string payload, Micros timeout,
                                  Channel channel) {
  Shared& shared = thread_->shared();
  if (payload.size() > shared.options.limits.call_bytes_max)
    co_return Error{ErrorCode::kTooLarge, "a call of " + std::to_string(payload.size()) + " bytes"};
  const std::uint64_t id = thread_->next_call();
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<std::string>)>(
      [&](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto call = std::make_unique<Call>(id, answer_to<Result<std::string>>(std::move(handler)));
        call->peer = peer;
        call->channel = channel;
        call->method = method;
        call->payload = std::move(payload);
        call->timeout = timeout;
        if (slot.is_connected())
          slot.assign([jobs = shared.jobs, peer, id](asio::cancellation_type) {
            jobs->post([peer, id](Core* core) { core->cancel(peer, id); });
          });
        shared.jobs->post(
            [call = std::move(call)](Core* core) mutable { core->call(std::move(call)); });
      },
      asio::use_awaitable);
}

void Transport::serve(Method method, asio::any_io_executor executor, Handler handler) {
  Shared& shared = thread_->shared();
  auto served = std::make_shared<const Served>(std::move(executor), std::move(handler));
  const std::lock_guard lock(shared.mutex);
  shared.served[method] = std::move(served);
}

std::map<NodeId, PeerStatus> Transport::peers() const {
  const std::lock_guard lock(thread_->shared().mutex);
  return thread_->shared().status;
}

}  // namespace everpost::rpc
