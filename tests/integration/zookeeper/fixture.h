// An ensemble of three servers for all tests of this program; each test has its own cluster on it.
#pragma once

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

#include "base/bytes.h"
#include "base/random.h"
#include "cluster/coordinator/zookeeper_coordinator.h"
#include "cluster/coordinator/zookeeper_patience.h"
#include "tests/support/ensemble.h"

namespace everpost::cluster {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr ShardId kShard{7};

// Whether it holds before long.
template <class Condition>
bool soon(Condition condition, std::chrono::milliseconds limit = 10s) {
  for (const auto end = steady_clock::now() + limit; !condition();) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class ZooKeeperTest : public testing::Test {
 protected:
  static test::Ensemble& ensemble() {
    static test::Ensemble all(3);
    return all;
  }

  void SetUp() override {
    static int tests = 0;
    root_ = "/everpost/test-" + std::to_string(++tests);
    ensemble().start_all();
    ensemble().wait_until_serving();
  }

  ZooKeeperCoordinator::Options options(NodeId node, std::vector<std::string> servers) const {
    ZooKeeperCoordinator::Options options;
    options.zookeeper.servers = std::move(servers);
    options.zookeeper.session_timeout = 1500ms;
    options.root = root_;
    options.node = node;
    options.incarnation = Incarnation{random_u64()};
    return options;
  }
  std::unique_ptr<ZooKeeperCoordinator> open(NodeId node = NodeId{1}) const {
    return std::make_unique<ZooKeeperCoordinator>(options(node, ensemble().addresses()));
  }
  // With one session, at these servers alone.
  std::unique_ptr<ZooKeeperCoordinator> open_at(NodeId node,
                                                std::vector<std::string> servers) const {
    auto narrow = options(node, std::move(servers));
    narrow.zookeeper.second = false;
    return std::make_unique<ZooKeeperCoordinator>(std::move(narrow));
  }
  // A cluster with one shard, at version 1.
  void make_cluster(ZooKeeperCoordinator& coordinator) const {
    const auto made = coordinator.registry().create_cluster(random_uuid(), 1);
    ASSERT_TRUE(made) << to_string(made.error());
    const auto shard = coordinator.create(kShard, config(Epoch{1}));
    ASSERT_TRUE(shard) << to_string(shard.error());
  }

  // Another nonce each time.
  ShardConfig config(Epoch epoch) const {
    ShardConfig config;
    config.epoch = epoch;
    config.primary = NodeId{1};
    config.isr = {{NodeId{1}, Uuid{std::byte{1}}}, {NodeId{2}, Uuid{std::byte{2}}}};
    config.replicas = {NodeId{1}, NodeId{2}, NodeId{3}};
    config.min_isr = 2;
    config.nonce = {NodeId{1}, Incarnation{random_u64()}, 1};
    return config;
  }

  std::string shard_path() const { return root_ + "/shards/0007"; }

  std::string root_;
};

// Hears what a coordinator says of the shard.
struct Ears {
  explicit Ears(Coordinator& coordinator)
      : watch(coordinator.watch(kShard, {.changed = [this] { ++changes; },
                                         .reachable =
                                             [this](bool now) {
                                               up = now;
                                               ++turns;
                                             }})) {}
  std::atomic<int> changes{0}, turns{0};
  std::atomic<bool> up{false};
  std::unique_ptr<Coordinator::Watch> watch;
};

}  // namespace everpost::cluster
