#include "cluster/coordinator/zookeeper_pair.h"

#include <algorithm>

namespace everpost::cluster {

template <class T>
struct ZooKeeperPair::Race {
  std::function<void(ZooKeeperSession& to, ZooKeeperSession::Answer<T> answer)> send;
  std::function<void(Result<T>, bool twice)> answer;
  ZooKeeperSession *one = nullptr, *other = nullptr;  // in the order they are asked

  std::mutex mutex;
  int under_way = 1;
  bool twice = false, decided = false;
};

ZooKeeperPair::ZooKeeperPair(const Options& options, Events events)
    : options_(options), events_(std::move(events)) {
  const auto make = [&](const char* label, std::size_t from, std::function<void()> renewed) {
    ZooKeeperSession::Options session{options_.servers, options_.session_timeout, label};
    std::ranges::rotate(
        session.servers,
        session.servers.begin() + static_cast<std::ptrdiff_t>(from % session.servers.size()));
    return std::make_unique<ZooKeeperSession>(
        std::move(session), ZooKeeperSession::Events{[this](bool) { tell_reachable(); },
                                                     std::move(renewed), events_.changed});
  };
  first_ = make("first", 0, [this] {
    events_.first_renewed();
    events_.renewed();
  });
  if (options_.second) second_ = make("second", 1, [this] { events_.renewed(); });
}

ZooKeeperPair::~ZooKeeperPair() { stop(); }

void ZooKeeperPair::stop() {
  // Each may still be called by the other's threads.
  first_->stop();
  if (second_) second_->stop();
}

void ZooKeeperPair::start() {
  first_->start();
  if (second_) second_->start();
}

void ZooKeeperPair::tell_reachable() {
  const std::scoped_lock lock(mutex_);  // or an old state might be told after a new one
  const bool up = first_->connected() || (second_ && second_->connected());
  if (std::exchange(up_, up) != up) events_.reachable(up);
}

template <class T>
void ZooKeeperPair::run(const std::shared_ptr<Race<T>>& race) {
  race->one = first_.get();
  race->other = second_.get();
  if (second_ && !first_->connected() && second_->connected()) std::swap(race->one, race->other);
  if (second_) (void)race->one->after(options_.second_after, [this, race] { send_second(race); });
  race->send(*race->one, [this, race](Result<T> result) { answered(race, std::move(result)); });
}

template <class T>
void ZooKeeperPair::send_second(const std::shared_ptr<Race<T>>& race) {
  {
    const std::scoped_lock lock(race->mutex);
    if (race->decided || race->twice) return;
    race->twice = true;
    ++race->under_way;
  }
  race->send(*race->other, [this, race](Result<T> result) { answered(race, std::move(result)); });
}

// Whoever knows something decides.
template <class T>
void ZooKeeperPair::answered(const std::shared_ptr<Race<T>>& race, Result<T> result) {
  std::unique_lock lock(race->mutex);
  --race->under_way;
  if (race->decided) return;
  const bool unknown = !result && result.error().code == ErrorCode::kUnavailable;
  if (unknown && race->under_way > 0) return;
  if (unknown && !race->twice && race->other != nullptr && race->other->connected()) {
    lock.unlock();
    return send_second(race);
  }
  race->decided = true;
  const bool twice = race->twice;
  lock.unlock();
  race->answer(std::move(result), twice);
}

void ZooKeeperPair::get(const std::string& path, ZooKeeperSession::Answer<Znode> answer) {
  auto race = std::make_shared<Race<Znode>>();
  const auto deadline = ZooKeeperSession::Clock::now() + options_.deadline;
  race->send = [path, deadline](ZooKeeperSession& to, ZooKeeperSession::Answer<Znode> answer) {
    to.get(path, deadline, std::move(answer));
  };
  race->answer = [answer = std::move(answer)](Result<Znode> result, bool) {
    answer(std::move(result));
  };
  run(race);
}

void ZooKeeperPair::write(std::vector<ZnodeChange> changes,
                          std::function<void(Result<void> result, bool twice)> answer) {
  auto race = std::make_shared<Race<void>>();
  const auto deadline = ZooKeeperSession::Clock::now() + options_.deadline;
  race->send = [changes = std::move(changes), deadline](ZooKeeperSession& to,
                                                        ZooKeeperSession::Answer<void> answer) {
    to.write(changes, deadline, std::move(answer));
  };
  race->answer = std::move(answer);
  run(race);
}

}  // namespace everpost::cluster
