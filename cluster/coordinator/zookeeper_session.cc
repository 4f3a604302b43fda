#include "cluster/coordinator/zookeeper_session.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <zookeeper/zookeeper.h>

#include "base/bytes.h"
#include "base/log.h"

namespace everpost::cluster {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kInitRetry{1000};
constexpr int kDnsEveryMs = 60'000;  // or the client asks the resolver each time it looks around

std::string joined(const std::vector<std::string>& servers) {
  std::string all;
  for (const std::string& server : servers) all += (all.empty() ? "" : ",") + server;
  return all;
}

std::string hex_id(std::int64_t id) { return hex(static_cast<std::uint64_t>(id)); }

void log_line_of_client(const char* message) {
  log::debug("zookeeper client", {{"says", message}});
}

bool is_well_formed(const std::vector<ZnodeChange>& changes) {
  using Kind = ZnodeChange::Kind;
  return !changes.empty() && std::ranges::all_of(changes, [](const ZnodeChange& change) {
    const bool makes = change.kind == Kind::kCreate || change.kind == Kind::kCreateEphemeral;
    return makes || change.version >= 0;
  });
}

}  // namespace

ZooKeeperSession::ZooKeeperSession(Options options, Events events)
    : options_(std::move(options)), events_(std::move(events)) {
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  zoo_deterministic_conn_order(1);  // the order of `servers` means something
}

ZooKeeperSession::~ZooKeeperSession() { stop(); }

void ZooKeeperSession::start() {
  thread_ = std::thread([this] { run(); });
}

void ZooKeeperSession::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    if (!thread_.joinable()) stopped_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool ZooKeeperSession::connected() const {
  const std::scoped_lock lock(mutex_);
  return connected_;
}

std::int64_t ZooKeeperSession::id() const {
  const std::scoped_lock lock(mutex_);
  return session_;
}

bool ZooKeeperSession::after(milliseconds delay, std::function<void()> job) {
  const std::scoped_lock lock(mutex_);
  if (stopped_) return false;
  at(Clock::now() + delay, std::move(job));
  return true;
}

// ---- requests

void ZooKeeperSession::get(std::string path, Clock::time_point deadline, Answer<Znode> answer) {
  ask({Request::Kind::kGet,
       std::move(path),
       {},
       [answer = std::move(answer)](Result<Reply> reply) {
         if (!reply) return answer(std::move(reply).error());
         answer(std::move(reply->znode));
       }},
      deadline);
}

void ZooKeeperSession::children(std::string path, Clock::time_point deadline,
                                Answer<std::vector<std::string>> answer) {
  ask({Request::Kind::kChildren,
       std::move(path),
       {},
       [answer = std::move(answer)](Result<Reply> reply) {
         if (!reply) return answer(std::move(reply).error());
         answer(std::move(reply->names));
       }},
      deadline);
}

void ZooKeeperSession::write(std::vector<ZnodeChange> changes, Clock::time_point deadline,
                             Answer<void> answer) {
  std::string path = changes.empty() ? "" : changes.front().path;
  ask({Request::Kind::kWrite, std::move(path), std::move(changes),
       [answer = std::move(answer)](Result<Reply> reply) {
         if (!reply) return answer(std::move(reply).error());
         answer({});
       }},
      deadline);
}

void ZooKeeperSession::ask(Request request, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    return request.answer(Error{ErrorCode::kUnavailable, request.path + ": the session is closed"});
  }
  const bool sound = request.kind != Request::Kind::kWrite || is_well_formed(request.changes);
  const RequestId id = ++requests_;
  open_.emplace(id, std::move(request));
  if (!sound)
    return refuse_at(Clock::now(), id, {ErrorCode::kInvalidArgument, "a change without a version"});
  if (waiting_.size() >= kWaitingMax)
    return refuse_at(Clock::now(), id,
                     {ErrorCode::kUnavailable, "too many requests wait for ZooKeeper"});
  waiting_.push_back(id);
  refuse_at(deadline, id, {ErrorCode::kUnavailable, "no answer from ZooKeeper in time"});
  pump();
}

void ZooKeeperSession::refuse_at(Clock::time_point time, RequestId id, Error error) {
  at(time, [this, id, error = std::move(error)] {
    std::unique_lock lock(mutex_);
    const auto request = take(id);
    if (!request) return;  // has been answered
    std::erase(waiting_, id);
    lock.unlock();
    request.mapped().answer(in_context(request.mapped().path, error));
  });
}

std::unordered_map<ZooKeeperSession::RequestId, ZooKeeperSession::Request>::node_type
ZooKeeperSession::take(RequestId id) {
  return open_.extract(id);
}

void ZooKeeperSession::at(Clock::time_point time, std::function<void()> job) {
  const auto timer = timers_.emplace(time, std::move(job));
  if (timer == timers_.begin()) wake_.notify_all();
}

void ZooKeeperSession::pump() {
  while (connected_ && handle_ != nullptr && in_flight_ < kInFlightMax && !waiting_.empty()) {
    const RequestId id = waiting_.front();
    waiting_.pop_front();
    if (send(id, open_.at(id))) {
      ++in_flight_;
      continue;
    }
    refuse_at(Clock::now(), id, {ErrorCode::kUnavailable, "not sent to ZooKeeper"});
  }
}

// ---- the client's threads

void ZooKeeperSession::done(RequestId id, std::uint64_t handle, Result<Reply> reply) {
  std::unique_lock lock(mutex_);
  if (handle == handles_) --in_flight_;
  const auto request = take(id);
  pump();
  lock.unlock();
  if (!request) return;  // too late
  if (!reply && request.mapped().kind != Request::Kind::kWrite)
    reply = in_context(request.mapped().path, reply.error());
  request.mapped().answer(std::move(reply));
}

void ZooKeeperSession::on_state(zhandle_t* handle, int state) {
  std::unique_lock lock(mutex_);
  if (handle == closing_) return;
  const bool was = connected_;
  bool renewed = false;
  connected_ = state == ZOO_CONNECTED_STATE;
  if (connected_) {
    const std::int64_t id = zoo_client_id(handle)->client_id;
    renewed = std::exchange(session_, id) != id;
    told_lost_ = false;
    if (!was)
      log::info(renewed ? "zookeeper session" : "zookeeper connection",
                {{"handle", options_.label},
                 {"session", hex_id(id)},
                 {"server", std::string(zoo_get_current_server(handle))},
                 {"timeout_ms", zoo_recv_timeout(handle)}});
    if (handle_ != nullptr) pump();  // else by renew(), in a moment
  } else {
    if (was) lost_since_ = Clock::now();
    if (was && !stopping_ && !std::exchange(told_lost_, true))
      log::warning("zookeeper connection lost",
                   {{"handle", options_.label}, {"session", hex_id(session_)}});
    if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
      if (!stopping_)
        log::warning(state == ZOO_AUTH_FAILED_STATE ? "zookeeper refuses our credentials"
                                                    : "zookeeper session expired",
                     {{"handle", options_.label}, {"session", hex_id(session_)}});
      expired_ = true;
      wake_.notify_all();
    }
  }
  const bool up = connected_;
  lock.unlock();
  if (was != up && events_.connected) events_.connected(up);
  if (renewed && events_.renewed) events_.renewed();
}

// ---- the thread

ZooKeeperSession::Clock::duration ZooKeeperSession::lost_for() const {
  return connected_ ? Clock::duration{} : Clock::now() - lost_since_;
}

void ZooKeeperSession::run() {
  // The servers end a session that was silent for its timeout; the C client learns of it from a
  // server only (ZOOKEEPER-4508). One that went back in time refuses a handle that has seen a later
  // transaction for ever, so a new handle is a must there (H6).
  const auto given_up = options_.timeout * 4 / 3;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (expired_ || (handle_ != nullptr && lost_for() >= given_up)) {
      renew(lock);
      continue;
    }
    auto next = Clock::now() + given_up;
    if (!connected_) next = std::min(next, lost_since_ + given_up);
    if (!timers_.empty()) next = std::min(next, timers_.begin()->first);
    if (Clock::now() < next) wake_.wait_until(lock, next);
    while (!stopping_ && !timers_.empty() && timers_.begin()->first <= Clock::now()) {
      const auto job = timers_.extract(timers_.begin());
      lock.unlock();
      job.mapped()();
      lock.lock();
    }
  }
  close(lock);
  waiting_.clear();
  stopped_ = true;
  const auto left = std::exchange(open_, {});
  const auto timers = std::exchange(timers_, {});
  lock.unlock();
  for (const auto& [id, request] : left)
    request.answer(Error{ErrorCode::kUnavailable, request.path + ": the session is closed"});
  for (const auto& [time, job] : timers) job();  // somebody may wait for what they answer
}

// Those with the client are answered meanwhile, by its closing.
void ZooKeeperSession::close(std::unique_lock<std::mutex>& lock) {
  closing_ = std::exchange(handle_, nullptr);
  zhandle_t* const old = closing_;
  const bool was = std::exchange(connected_, false);
  lock.unlock();
  if (was && events_.connected) events_.connected(false);
  if (old != nullptr) (void)zookeeper_close(old);
  lock.lock();
  closing_ = nullptr;
}

void ZooKeeperSession::renew(std::unique_lock<std::mutex>& lock) {
  close(lock);
  if (stopping_) return;
  expired_ = false;
  lost_since_ = Clock::now();
  ++handles_;
  in_flight_ = 0;
  lock.unlock();
  zhandle_t* const made =
      zookeeper_init2(joined(options_.servers).c_str(), &ZooKeeperSession::on_event,
                      static_cast<int>(options_.timeout.count()), nullptr, this,
                      ZOO_NO_LOG_CLIENTENV, log_line_of_client);
  const int error = errno;
  if (made != nullptr) (void)zoo_set_servers_resolution_delay(made, kDnsEveryMs);
  lock.lock();
  handle_ = made;
  if (made != nullptr) return pump();
  if (!std::exchange(told_lost_, true))
    log::error("zookeeper handle not made", {{"servers", joined(options_.servers)},
                                             {"error", std::string(std::strerror(error))}});
  at(Clock::now() + kInitRetry, [this] {
    const std::scoped_lock again(mutex_);
    expired_ = true;
  });
}

}  // namespace everpost::cluster
