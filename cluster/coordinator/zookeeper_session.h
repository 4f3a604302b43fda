// One session with a ZooKeeper ensemble, by the C client's asynchronous calls alone. The only files
// that see that client are zookeeper_session.cc and zookeeper_calls.cc.
//
// A session outlives its connections: the client goes from server to server. When it expires, or
// nobody has answered for so long that it must have, a thread of this class makes a new one;
// ephemeral znodes and watches are gone then, and Events::renewed says so. (Never in one of the
// client's callbacks: closing a handle waits for these.)
//
// Requests are answered exactly once, by a deadline, never from within the call. At most
// kInFlightMax of them are with the client; kWaitingMax more wait, for that and for a connection.
// Beyond that the answer is kUnavailable at once.
//
// Thread-safe. Callbacks run on the session's or the client's threads: they must not block, nor
// destroy the session, and may call it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"

struct _zhandle;

namespace everpost::cluster {

struct Znode {
  std::string data;
  std::int32_t version = 0;
  std::int64_t created = 0;  // the transaction that made it (czxid)
  std::int64_t owner = 0;    // the session whose end removes it; 0: none
};

// A part of a write. All parts of one happen, or none. No part goes without its version (H5).
struct ZnodeChange {
  enum class Kind : std::uint8_t { kCreate, kCreateEphemeral, kSet, kRemove, kCheck };
  Kind kind{};
  std::string path;
  std::string data;
  std::int32_t version = 0;  // what a kSet, kRemove, kCheck expects: 0 or more
};

class ZooKeeperSession {
 public:
  using Clock = std::chrono::steady_clock;
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  static constexpr std::size_t kInFlightMax = 64, kWaitingMax = 4096;

  struct Options {
    std::vector<std::string> servers;  // "host:port", tried in this order
    std::chrono::milliseconds timeout{3000};
    std::string label;  // in log lines
  };
  struct Events {
    // It can be used, or cannot for the moment.
    std::function<void(bool up)> connected;
    // Connected for the first time, or with another session than before.
    std::function<void()> renewed;
    // A watch has fired: this znode, or its list of children, has changed.
    std::function<void(const std::string& path)> changed;
  };

  ZooKeeperSession(Options options, Events events);
  ~ZooKeeperSession();
  // From now on it connects by itself, when it can. Once.
  void start();
  // Ends the session; what was asked is answered with kUnavailable, also what is asked later. No
  // callback is running or will be called afterwards. Not from a callback.
  void stop();

  // Errors of all: kUnavailable, nobody knows; kPermissionDenied.
  //
  // As of now: the server catches up with the leader first. Watched: the next change calls
  // Events::changed, once. Errors: kNotFound (the watch waits for it to be made).
  void get(std::string path, Clock::time_point deadline, Answer<Znode> answer);
  // The children's names, watched as well. Errors: kNotFound.
  void children(std::string path, Clock::time_point deadline,
                Answer<std::vector<std::string>> answer);
  // Errors of the first part that does not hold: kNotFound, kAlreadyExists, kConflict (another
  // version), each naming the path; kInvalidArgument.
  void write(std::vector<ZnodeChange> changes, Clock::time_point deadline, Answer<void> answer);

  bool connected() const;
  std::int64_t id() const;  // of the session; 0: none yet
  // Calls `job` on the session's thread after that time, or when the session ends. False: it has.
  bool after(std::chrono::milliseconds delay, std::function<void()> job);

 private:
  struct Reply {
    Znode znode;
    std::vector<std::string> names;
  };
  struct Request {
    enum class Kind : std::uint8_t { kGet, kChildren, kWrite };
    Kind kind{};
    std::string path;
    std::vector<ZnodeChange> changes;
    Answer<Reply> answer;
  };
  using RequestId = std::uint64_t;
  struct Ticket;
  struct ClientCallbacks;  // what the C client calls

  void ask(Request request, Clock::time_point deadline);

  // ---- under mutex_
  void pump();
  bool send(RequestId id, const Request& request);  // false: the client has refused it
  void refuse_at(Clock::time_point time, RequestId id, Error error);
  void at(Clock::time_point time, std::function<void()> job);
  std::unordered_map<RequestId, Request>::node_type take(RequestId id);

  // ---- the thread
  void run();
  void renew(std::unique_lock<std::mutex>& lock);
  void close(std::unique_lock<std::mutex>& lock);
  Clock::duration lost_for() const;

  // ---- the client's threads
  void done(RequestId id, std::uint64_t handle, Result<Reply> reply);
  static void on_event(_zhandle* handle, int type, int state, const char* path, void* context);
  void on_state(_zhandle* handle, int state);

  const Options options_;
  const Events events_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  _zhandle *handle_ = nullptr, *closing_ = nullptr;
  std::uint64_t handles_ = 0;  // made so far
  bool connected_ = false, expired_ = true, stopping_ = false, stopped_ = false, told_lost_ = false;
  std::int64_t session_ = 0;
  Clock::time_point lost_since_ = Clock::now();

  RequestId requests_ = 0;
  std::unordered_map<RequestId, Request> open_;  // not answered yet
  std::deque<RequestId> waiting_;                // of these, not with the client yet
  std::size_t in_flight_ = 0;                    // with the client, answered or not
  std::multimap<Clock::time_point, std::function<void()>> timers_;

  std::thread thread_;
};

}  // namespace everpost::cluster
