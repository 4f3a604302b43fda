// The network between the nodes of a test: brings requests to MailServers, or does not.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

#include "cluster/router/mail_peer.h"
#include "cluster/router/mail_server.h"

namespace everpost::cluster {

enum class Fault {
  kNone,
  kLoseRequest,  // and the caller waits for its timeout
  kLoseAnswer,   // the same, but it happened
  kRefuse,       // kUnavailable: no link
  kBreakBefore,  // kClosed, and nothing happened
  kBreakAfter,   // kClosed, but it happened
  kNotPrimary,   // the node says so
  kDelay,        // some milliseconds
};

class FaultyPeer : public MailPeer {
 public:
  explicit FaultyPeer(NodeId self) : self_(self) {}

  // Waits for the servers, which were stopped.
  void join() { pool_.join(); }

  void add(NodeId node, MailServer& server) {
    const std::scoped_lock lock(mutex_);
    servers_[node] = &server;
  }
  // Asked for each call; from any thread.
  void set_plan(std::function<Fault(NodeId node, unsigned call)> plan) {
    const std::scoped_lock lock(mutex_);
    plan_ = std::move(plan);
  }
  unsigned calls() const { return calls_; }
  unsigned most_at_once() const { return most_; }

  Task<std::string> call(NodeId node, std::string request, Micros timeout) override {
    const Fault fault = next(node);
    const Counted counted(*this);
    switch (fault) {
      case Fault::kNone:
        break;
      case Fault::kLoseRequest:
        co_await wait(timeout);
        co_return Error{ErrorCode::kTimeout, "no answer"};
      case Fault::kLoseAnswer:
        (void)co_await serve(node, std::move(request));
        co_await wait(timeout);
        co_return Error{ErrorCode::kTimeout, "no answer"};
      case Fault::kRefuse:
        co_return Error{ErrorCode::kUnavailable, "no link"};
      case Fault::kBreakBefore:
        co_return Error{ErrorCode::kClosed, "the link broke"};
      case Fault::kBreakAfter:
        (void)co_await serve(node, std::move(request));
        co_return Error{ErrorCode::kClosed, "the link broke"};
      case Fault::kNotPrimary:
        co_return encode_answer(Error{ErrorCode::kNotPrimary, "ask another"});
      case Fault::kDelay:
        co_await wait(std::chrono::milliseconds{3});
        break;
    }
    co_return co_await serve(node, std::move(request));
  }

 private:
  struct Counted {
    explicit Counted(FaultyPeer& p) : peer(p) {
      const unsigned now = ++peer.now_;
      for (unsigned most = peer.most_;
           now > most && !peer.most_.compare_exchange_weak(most, now);) {
      }
    }
    ~Counted() { --peer.now_; }
    FaultyPeer& peer;
  };

  Fault next(NodeId node) {
    const std::scoped_lock lock(mutex_);
    const unsigned n = calls_++;
    return plan_ ? plan_(node, n) : Fault::kNone;
  }
  MailServer* find(NodeId node) {
    const std::scoped_lock lock(mutex_);
    const auto found = servers_.find(node);
    return found == servers_.end() ? nullptr : found->second;
  }
  static asio::awaitable<void> wait(Micros time) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(time);
    co_await timer.async_wait(asio::use_awaitable);
  }

  // As with a transport, the server goes on when the caller gives up.
  struct Served {
    std::mutex mutex;
    std::optional<Result<std::string>> result;
    std::optional<asio::steady_timer> timer;  // the caller's, while it waits
  };
  struct Abandon {
    ~Abandon() {
      const std::scoped_lock lock(served->mutex);
      served->timer.reset();
    }
    std::shared_ptr<Served> served;
  };
  Task<std::string> serve(NodeId node, std::string request) {
    MailServer* server = find(node);
    if (!server) co_return Error{ErrorCode::kUnavailable, "there is no such node"};
    const auto served = std::make_shared<Served>();
    served->timer.emplace(co_await asio::this_coro::executor,
                          asio::steady_timer::time_point::max());
    const Abandon abandon{served};
    asio::co_spawn(pool_, server->serve(self_, std::move(request)),
                   [served](std::exception_ptr, Result<std::string> result) {
                     const std::scoped_lock lock(served->mutex);
                     if (!served->timer) return;
                     served->result = std::move(result);
                     asio::post(served->timer->get_executor(), [served] {
                       if (served->timer)
                         served->timer->expires_at(asio::steady_timer::time_point::min());
                     });
                   });
    co_await served->timer->async_wait(asio::as_tuple(asio::use_awaitable));
    const std::scoped_lock lock(served->mutex);
    if (!served->result) co_return Error{ErrorCode::kClosed, "given up"};
    co_return *std::move(served->result);
  }

  const NodeId self_;
  std::mutex mutex_;
  std::map<NodeId, MailServer*> servers_;
  std::function<Fault(NodeId, unsigned)> plan_;
  std::atomic<unsigned> calls_{0}, now_{0}, most_{0};
  asio::thread_pool pool_{1};  // the servers'
};

// Knows what it was told; follows when a node says that it is not the primary, if there is another.
class TestShardMap : public ShardMap {
 public:
  explicit TestShardMap(NodeId primary) : primary_(primary.value) {}

  std::optional<NodeId> primary(ShardId) override {
    const NodeId node{primary_};
    return node == NodeId{0} ? std::nullopt : std::optional(node);
  }
  void wrong(ShardId, NodeId node) override {
    ++wrongs;
    if (node.value == primary_ && after_wrong != NodeId{0}) primary_ = after_wrong.value;
  }
  std::vector<ShardId> mail_shards() override { return {ShardId{1}, ShardId{2}}; }
  void set(NodeId primary) { primary_ = primary.value; }

  NodeId after_wrong;
  std::atomic<unsigned> wrongs{0};

 private:
  std::atomic<std::uint32_t> primary_;
};

}  // namespace everpost::cluster
