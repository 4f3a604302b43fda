#include "cluster/router/watch_server.h"

#include <algorithm>
#include <set>

#include "cluster/router/alarm.h"
#include "cluster/router/spawn_on.h"

namespace everpost::cluster {

class WatchServer::Session {
 public:
  Session(MailStore& mail, ShardId shard, std::uint64_t id) : id(id), mail_(mail), shard_(shard) {}

  const std::uint64_t id;

  // Makes `request` the one that is to be answered, the one before being ended; takes over what it
  // adds and removes.
  Result<void> begin(const WatchRequest& request, std::shared_ptr<Alarm> alarm) {
    const std::scoped_lock editing(edit_mutex_);
    {
      const std::scoped_lock lock(mutex_);
      if (request.seq <= seq_)
        return Error{ErrorCode::kConflict, "a request for watches that is older than the last"};
      seq_ = request.seq;
      last_request_ = std::chrono::steady_clock::now();
      if (alarm_) alarm_->ring();
      alarm_ = std::move(alarm);
      // What was told with an answer that did not arrive is told again.
      if (request.heard != told_seq_) fired_.merge(told_);
      told_.clear();
    }
    for (const WatchKey& key : request.remove) watches_.erase(key);
    for (const WatchKey& key : request.add) {
      if (watches_.contains(key)) continue;
      if (watches_.size() >= kKeysMax)
        return Error{ErrorCode::kLimit, "too many watches for one node"};
      auto watch = make(key);
      if (!watch)
        return Error{ErrorCode::kNotPrimary,
                     "shard " + to_string(shard_) + " is not led by this node"};
      watches_.emplace(key, std::move(watch));
    }
    return {};
  }

  enum class State { kWait, kReady, kOver };
  State state(std::uint64_t seq) {
    const std::scoped_lock lock(mutex_);
    if (stopped_ || seq != seq_) return State::kOver;
    return fired_.empty() ? State::kWait : State::kReady;
  }

  // What to answer request `seq` with: nothing if another one has taken its place.
  Fired take(std::uint64_t seq) {
    const std::scoped_lock lock(mutex_);
    Fired fired;
    if (seq != seq_) return fired;
    while (!fired_.empty() && fired.keys.size() < WireLimits::watch_keys)
      fired.keys.push_back(*told_.insert(fired_.extract(fired_.begin())).position);
    told_seq_ = seq;
    return fired;
  }

  // Nobody waits for request `seq` any more.
  void end(std::uint64_t seq) {
    const std::scoped_lock lock(mutex_);
    if (seq == seq_) alarm_.reset();
  }

  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    if (alarm_) alarm_->ring();
  }
  std::chrono::steady_clock::time_point last_request() {
    const std::scoped_lock lock(mutex_);
    return last_request_;
  }
  bool stopped() {
    const std::scoped_lock lock(mutex_);
    return stopped_;
  }

 private:
  std::unique_ptr<Watch> make(const WatchKey& key) {
    auto changed = [this, key] {
      const std::scoped_lock lock(mutex_);
      fired_.insert(key);
      if (alarm_) alarm_->ring();
    };
    return key.kind == WatchKey::Kind::kMailbox
               ? mail_.watch_mailbox(shard_, MailboxId{key.id}, std::move(changed))
               : mail_.watch_account(shard_, AccountId{key.id}, std::move(changed));
  }

  MailStore& mail_;
  const ShardId shard_;

  std::mutex mutex_;  // also held by the shard's threads, when something changes
  std::uint64_t seq_ = 0;
  std::chrono::steady_clock::time_point last_request_ = std::chrono::steady_clock::now();
  std::set<WatchKey> fired_;  // to be told
  std::set<WatchKey> told_;   // with the answer to request `told_seq_`
  std::uint64_t told_seq_ = 0;
  std::shared_ptr<Alarm> alarm_;  // of the request under way
  bool stopped_ = false;

  // Never taken by those who hold `mutex_`: making and ending a watch waits for callbacks.
  std::mutex edit_mutex_;
  std::map<WatchKey, std::unique_ptr<Watch>> watches_;  // goes first: it calls the rest
};

WatchServer::~WatchServer() = default;

void WatchServer::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  for (const auto& [key, session] : sessions_) session->stop();
}

Result<std::shared_ptr<WatchServer::Session>> WatchServer::find(NodeId from, ShardId shard,
                                                                const WatchRequest& request) {
  std::vector<std::shared_ptr<Session>> left;  // end their watches when the mutex is free again
  const std::scoped_lock lock(mutex_);
  if (stopped_) return Error{ErrorCode::kClosed, "this node is stopping"};
  const auto found = sessions_.find({from, shard});
  if (found != sessions_.end() && found->second->id == request.session) return found->second;
  if (request.seq != 1)
    return Error{ErrorCode::kNotFound, "there is no such session of watches (any more)"};
  const auto known = mail_.mail_shards();
  if (std::ranges::find(known, shard) == known.end())
    return Error{ErrorCode::kNotPrimary, "shard " + to_string(shard) + " is not on this node"};
  auto session = std::make_shared<Session>(mail_, shard, request.session);
  if (found == sessions_.end()) {
    forget_left(left);
    sessions_.emplace(std::pair(from, shard), session);
  } else {
    left.push_back(std::exchange(found->second, session));
    left.back()->stop();
  }
  return session;
}

void WatchServer::forget_left(std::vector<std::shared_ptr<Session>>& left) {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(sessions_, [&](auto& one) {
    if (now - one.second->last_request() < 2 * kWaitMax) return false;
    left.push_back(one.second);
    return true;
  });
}

Task<Fired> WatchServer::poll(NodeId from, ShardId shard, WatchRequest request) {
  CO_ASSIGN_OR_RETURN(auto session, find(from, shard, request));
  // The caller's executor may have several threads.
  const asio::any_io_executor strand = asio::make_strand(co_await asio::this_coro::executor);
  const std::uint64_t seq = request.seq;
  auto fired = co_await spawn_on(strand, wait(strand, session, std::move(request)));
  session->end(seq);
  if (!fired && fired.error().code != ErrorCode::kConflict) {
    // What it may have been told of is not known any more.
    const std::scoped_lock lock(mutex_);
    const auto found = sessions_.find({from, shard});
    if (found != sessions_.end() && found->second == session) sessions_.erase(found);
  }
  co_return fired;
}

Task<Fired> WatchServer::wait(asio::any_io_executor strand, std::shared_ptr<Session> session,
                              WatchRequest request) {
  const auto alarm = std::make_shared<Alarm>(strand);
  CO_CHECK(session->begin(request, alarm));
  const auto until =
      std::chrono::steady_clock::now() +
      std::min(std::chrono::milliseconds{request.wait_ms}, std::chrono::milliseconds{kWaitMax});
  while (request.add.empty() && session->state(request.seq) == Session::State::kWait) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    co_await alarm->wait(left);
  }
  if (session->stopped()) co_return Error{ErrorCode::kClosed, "the session of watches has ended"};
  co_return session->take(request.seq);
}

}  // namespace everpost::cluster
