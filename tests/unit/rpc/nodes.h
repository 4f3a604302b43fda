// Transports of a few nodes on loopback, with a CA of their own, and what they were told.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <stdlib.h>
#include <thread>

#include "base/random.h"
#include "rpc/certificates.h"
#include "rpc/transport.h"

namespace everpost::rpc {

constexpr std::chrono::seconds kSoon{10};  // for what takes milliseconds on a quiet machine

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/everpost-rpc-XXXXXX";
    path_ = ::mkdtemp(name) ? name : "";
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A cluster's CA and certificates, made when asked for.
class Authority {
 public:
  explicit Authority(Uuid id = random_uuid()) : cluster(id) { EXPECT_TRUE(make_ca(cluster, ca())); }
  const Uuid cluster;

  CertificateFiles ca() const { return {folder_.file("ca.pem"), folder_.file("ca.key")}; }
  CertificateFiles node(NodeId id) const {
    const std::string name = folder_.file("node-" + to_string(id));
    CertificateFiles files{name + ".pem", name + ".key"};
    if (!std::filesystem::exists(files.certificate)) {
      const auto made = make_node_certificate(ca(), id, files);
      EXPECT_TRUE(made) << to_string(made.error());
    }
    return files;
  }
  Options options(NodeId id) const {
    Options options;
    options.cluster = cluster;
    options.node = id;
    options.incarnation = random_u64();
    options.listen = "127.0.0.1:0";
    options.ca = ca().certificate;
    options.certificate = node(id).certificate;
    options.key = node(id).key;
    return options;
  }

 private:
  Folder folder_;
};

class TestNode : public Receiver {
 public:
  explicit TestNode(Options options) : id(options.node) {
    auto started = Transport::start(std::move(options), *this);
    if (started)
      transport = *std::move(started);
    else
      ADD_FAILURE() << to_string(started.error());
  }
  ~TestNode() override { transport.reset(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(transport->port()); }

  void received(Received message) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  void connected(const PeerInfo& peer) override {
    const std::lock_guard lock(mutex_);
    connected_[peer.node] = peer;
    ++connects_;
    changed_.notify_all();
  }
  void lost(NodeId peer, const Error&) override {
    const std::lock_guard lock(mutex_);
    connected_.erase(peer);
    changed_.notify_all();
  }

  template <class Condition>
  bool wait(Condition condition, std::chrono::milliseconds at_most = kSoon) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, condition);
  }
  bool wait_connected(NodeId peer) {
    return wait([&] { return connected_.contains(peer); });
  }
  bool wait_lost(NodeId peer) {
    return wait([&] { return !connected_.contains(peer); });
  }
  // One direction is noticed before the other.
  bool wait_unlinked(NodeId peer) {
    for (int i = 0; i < 10'000 && transport->peers()[peer].linked; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return wait_lost(peer) && !transport->peers()[peer].linked;
  }
  // The next message; one of shard 0 if none comes.
  Received next() {
    if (!wait([&] { return !messages_.empty(); })) return {};
    const std::lock_guard lock(mutex_);
    Received first = std::move(messages_.front());
    messages_.pop_front();
    return first;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }
  unsigned connects() {
    const std::lock_guard lock(mutex_);
    return connects_;
  }
  // Such an error keeps it from a link with `peer`, before long.
  testing::AssertionResult refused(NodeId peer, ErrorCode code, std::string_view why) {
    std::optional<Error> last;
    for (int i = 0; i < 1000; ++i) {
      last = transport->peers()[peer].error;
      if (last && last->code == code && last->context.find(why) != std::string::npos)
        return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return testing::AssertionFailure() << (last ? to_string(*last) : "no error");
  }

  const NodeId id;
  std::unique_ptr<Transport> transport;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Received> messages_;
  std::map<NodeId, PeerInfo> connected_;
  unsigned connects_ = 0;
};

// Makes them each other's peers.
inline void introduce(std::initializer_list<TestNode*> nodes) {
  std::map<NodeId, std::string> addresses;
  for (const TestNode* node : nodes) addresses[node->id] = node->address();
  for (const TestNode* node : nodes) node->transport->set_peers(addresses);
}

// Threads for coroutines.
class Threads {
 public:
  asio::any_io_executor executor() { return pool_.get_executor(); }
  template <class T>
  Result<T> await(Task<T> task) {
    std::promise<Result<T>> done;
    asio::co_spawn(pool_, std::move(task), [&done](std::exception_ptr thrown, Result<T> value) {
      if (thrown) value = Error{ErrorCode::kInternal, "exception"};
      done.set_value(std::move(value));
    });
    return done.get_future().get();
  }
  void stop() { pool_.join(); }

 private:
  asio::thread_pool pool_{2};
};

}  // namespace everpost::rpc
