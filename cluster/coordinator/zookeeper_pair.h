// A node's two sessions with the ensemble, at different servers. When the server of the first hangs
// or its machine has died, its session notices only after two thirds of its timeout; a request that
// is not answered soon goes to the second one as well (H55). Any session may carry any request, for
// nothing rests on who asks: a compare-and-set names its version and its nonce.
//
// Thread-safe; callbacks as in zookeeper_session.h.
#pragma once

#include <memory>

#include "cluster/coordinator/zookeeper_session.h"

namespace everpost::cluster {

class ZooKeeperPair {
 public:
  struct Options {
    std::vector<std::string> servers;  // the first session prefers the first, and so on
    std::chrono::milliseconds session_timeout{3000};
    std::chrono::milliseconds deadline{1000};     // of a request
    std::chrono::milliseconds second_after{300};  // then the other session gets it as well
    bool second = true;                           // there is one
  };
  struct Events {
    std::function<void(bool up)> reachable;  // through either
    std::function<void()> renewed;           // either: watches are gone
    std::function<void()> first_renewed;     // the first: its ephemeral znodes are gone
    std::function<void(const std::string& path)> changed;
  };

  ZooKeeperPair(const Options& options, Events events);
  ~ZooKeeperPair();
  void start();
  void stop();  // then no callback is running or will be called; once

  void get(const std::string& path, ZooKeeperSession::Answer<Znode> answer);
  // `twice`: it was given to both. An error that says the znodes are not as expected may then be
  // this very write's doing.
  void write(std::vector<ZnodeChange> changes,
             std::function<void(Result<void> result, bool twice)> answer);

  // Owns the ephemeral znodes.
  ZooKeeperSession& first() { return *first_; }

 private:
  template <class T>
  struct Race;
  template <class T>
  void run(const std::shared_ptr<Race<T>>& race);
  template <class T>
  void answered(const std::shared_ptr<Race<T>>& race, Result<T> result);
  template <class T>
  void send_second(const std::shared_ptr<Race<T>>& race);
  void tell_reachable();

  const Options options_;
  const Events events_;
  std::mutex mutex_;
  bool up_ = false;
  std::unique_ptr<ZooKeeperSession> first_, second_;
};

}  // namespace everpost::cluster
