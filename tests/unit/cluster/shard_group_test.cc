// Three replicas of one shard, each with a disk of its own in memory and the real driver, applier
// and log: what the simulation shows of the core holds for what stands around it.
#include <future>
#include <gtest/gtest.h>
#include <thread>

#include "base/crc32c.h"
#include "cluster/coordinator/embedded.h"
#include "cluster/router/op_ids.h"
#include "cluster/shard/shard.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
using storage::MemoryEnv;

constexpr ShardId kShard{1};
constexpr std::uint32_t kNodes = 3;

// The network: a thread that carries messages in order, unless a node is cut off, and moves clocks.
class Group : public Messenger {
 public:
  Group() {
    EXPECT_TRUE(quorum_disk_.make_folder("data"));
    auto coordinator = EmbeddedCoordinator::open(quorum_disk_, "data/coordinator");
    EXPECT_TRUE(coordinator);
    coordinator_ = *std::move(coordinator);
    ShardConfig config;
    config.min_isr = 2;
    for (std::uint32_t n = 1; n <= kNodes; ++n) config.replicas.push_back(NodeId{n});
    EXPECT_TRUE(coordinator_->create(kShard, config));
    for (Place& place : places_) EXPECT_TRUE(place.disk->make_folder("data"));
    clock_ = std::thread([this] {
      while (!ended_) {
        std::this_thread::sleep_for(2ms);
        asio::post(wire_, [this] {
          for (Place& place : places_)
            if (place.shard) place.shard->tick();
        });
      }
    });
  }
  ~Group() override {
    ended_ = true;
    clock_.join();
    for (std::uint32_t n = 1; n <= kNodes; ++n) kill(n);
    wire_.join();
  }

  void send(NodeId to, ShardId, const replication::Message& message) override {
    asio::post(wire_, [this, to, message] {
      const NodeId from = message.from.node;
      if (cut_off_ == from || cut_off_ == to || !is_up(from.value)) return;
      if (Place& place = places_[to.value - 1]; place.shard) place.shard->receive(message);
    });
  }

  void start(std::uint32_t n) {
    Shard::Options options;
    options.env = at(n).disk.get();
    options.coordinator = coordinator_.get();
    options.messenger = this;
    options.time = &time_;
    options.waiting_bytes = &waiting_bytes_;
    options.node = NodeId{n};
    options.replica.folder = "data/shard-0001";
    options.replica.cluster = coordinator_->cluster();
    options.replica.shard = kShard;
    options.replica.kind = storage::ShardKind::kMail;
    options.replica.segment_bytes = 8 << 20;
    options.replica.index_cache_bytes = 1 << 20;
    options.replica.boot.fill(std::byte{1});
    at(n).killed = false;
    options.failed = [&place = at(n)](ShardId, const Error& error) {
      if (!place.killed) ADD_FAILURE() << to_string(error);
    };
    storage::ReplicaRecovery recovery;
    auto shard = Shard::open(options, recovery);
    ASSERT_TRUE(shard) << to_string(shard.error());
    on_wire([&] { at(n).shard = *std::move(shard); });
  }
  // The process dies: nothing more is written, and the others see its connections break.
  void kill(std::uint32_t n) {
    std::shared_ptr<Shard> shard;
    on_wire([&] {
      shard = std::move(at(n).shard);
      for (std::uint32_t other = 1; other <= kNodes; ++other)
        if (shard && at(other).shard) at(other).shard->lost(NodeId{n});
    });
    if (!shard) return;
    at(n).killed = true;
    at(n).disk->stop_at(at(n).disk->operations() + 1);
    shard.reset();
    at(n).disk->crash(MemoryEnv::Crash::kProcess);
  }
  void stop(std::uint32_t n) {
    std::shared_ptr<Shard> shard;
    on_wire([&] { shard = at(n).shard; });
    EXPECT_TRUE(shard->stop());
    on_wire([&] { at(n).shard.reset(); });
  }
  void cut_off(std::uint32_t n) {
    on_wire([&] { cut_off_ = NodeId{n}; });
  }

  Shard& shard(std::uint32_t n) { return *at(n).shard; }
  bool is_up(std::uint32_t n) { return at(n).shard != nullptr; }
  std::uint32_t primary() {
    for (std::uint32_t n = 1; n <= kNodes; ++n)
      if (is_up(n) && shard(n).standing().open && cut_off_ != NodeId{n}) return n;
    return 0;
  }
  template <class Condition>
  bool wait(std::chrono::milliseconds limit, Condition holds) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }
  std::size_t in_sync() {
    const auto now = coordinator_->get_now(kShard);
    return now ? now->config.isr.size() : 0;
  }
  bool all_in_sync(std::size_t count) {
    return wait(10s, [&] { return primary() != 0 && in_sync() == count; });
  }

  // A client: tries the same operation everywhere until one says yes.
  Result<Committed> submit(storage::MailTxn txn, std::string body = {}) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    Result<Committed> last = Error{ErrorCode::kUnavailable, "nobody leads"};
    while (std::chrono::steady_clock::now() < end) {
      if (const std::uint32_t n = primary()) {
        storage::NewRecord record;
        record.meta = encode(txn);
        if (!body.empty()) record.body.push_back(share(body));
        record.time = system_clock().wall();
        record.seal();
        last = await(shard(n).propose(std::move(record)));
        if (last) return last;
      }
      std::this_thread::sleep_for(5ms);
    }
    return last;
  }
  OpId next_op() { return make_op_id(NodeId{9}, system_clock().wall()); }
  Result<Committed> create_account(std::uint64_t id) {
    storage::MailTxn txn;
    txn.op = next_op();
    txn.commands.push_back(storage::CreateAccount{AccountId{id}, 0});
    return submit(std::move(txn));
  }
  Result<Committed> deliver(std::uint64_t account, const std::string& text) {
    storage::MailTxn txn;
    txn.op = next_op();
    storage::AddMessage add;
    add.content.size = text.size();
    add.content.own_bytes = static_cast<std::uint32_t>(text.size());
    add.content.own_crc = crc32c(as_bytes(text));
    add.targets.push_back({AccountId{account}, MailboxId{0}});
    txn.commands.push_back(std::move(add));
    return submit(std::move(txn), text);
  }
  std::size_t messages(std::uint32_t n, std::uint64_t account) {
    const auto reader = shard(n).replica().mail_reader();
    if (!reader) return 0;
    const auto box = (*reader)->find_mailbox(AccountId{account}, "INBOX");
    if (!box) return 0;
    const auto uids = (*reader)->uids(box->id);
    return uids ? uids->size() : 0;
  }
  // Everyone has applied the same, and it is the same.
  void expect_equal() {
    const std::uint32_t n = primary();
    ASSERT_NE(n, 0u);
    const Lsn end = shard(n).replica().applied();
    for (std::uint32_t other = 1; other <= kNodes; ++other)
      if (is_up(other)) {
        EXPECT_TRUE(wait(10s, [&] { return shard(other).replica().applied() >= end; }))
            << "node " << other << " stays behind";
        EXPECT_EQ(shard(other).replica().digest(), shard(n).replica().digest()) << other;
      }
  }

 private:
  struct Place {
    std::unique_ptr<MemoryEnv> disk = std::make_unique<MemoryEnv>(7);
    std::shared_ptr<Shard> shard;
    std::atomic<bool> killed{false};  // its disk fails on purpose
  };
  Place& at(std::uint32_t n) { return places_[n - 1]; }
  void on_wire(std::function<void()> work) {
    std::promise<void> done;
    asio::post(wire_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  MemoryEnv quorum_disk_{1};
  std::unique_ptr<EmbeddedCoordinator> coordinator_;
  LogTime time_;
  WaitingBytes waiting_bytes_{64 << 20};
  std::array<Place, kNodes> places_;
  std::atomic<NodeId> cut_off_{NodeId{0}};
  asio::thread_pool wire_{1};
  std::atomic<bool> ended_{false};
  std::thread clock_;
};

TEST(ShardGroup, WhatIsAnsweredIsOnAllReplicas) {
  Group group;
  for (std::uint32_t n = 1; n <= kNodes; ++n) group.start(n);
  ASSERT_TRUE(group.all_in_sync(3));
  ASSERT_TRUE(group.create_account(1));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(group.deliver(1, "message " + std::to_string(i)));
  group.expect_equal();
  for (std::uint32_t n = 1; n <= kNodes; ++n) EXPECT_EQ(group.messages(n, 1), 50u);
  EXPECT_TRUE(await(group.shard(group.primary()).confirm_read()));
  const std::uint32_t backup = group.primary() % kNodes + 1;
  const auto stale = await(group.shard(backup).confirm_read());
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kNotPrimary);
}

TEST(ShardGroup, AnotherOneTakesOverWhenThePrimaryDies) {
  Group group;
  for (std::uint32_t n = 1; n <= kNodes; ++n) group.start(n);
  ASSERT_TRUE(group.all_in_sync(3));
  ASSERT_TRUE(group.create_account(1));
  std::size_t delivered = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 10; ++i, ++delivered)
      ASSERT_TRUE(group.deliver(1, "message " + std::to_string(delivered)));
    const std::uint32_t dead = group.primary();
    const auto before = std::chrono::steady_clock::now();
    group.kill(dead);
    ASSERT_TRUE(group.wait(2s, [&] { return group.primary() != 0; }));
    const auto gap = std::chrono::steady_clock::now() - before;
    RecordProperty("gap_ms", static_cast<int>(gap / 1ms));
    ASSERT_TRUE(group.deliver(1, "message " + std::to_string(delivered++)));
    group.start(dead);
    ASSERT_TRUE(group.all_in_sync(3));
  }
  group.expect_equal();
  EXPECT_EQ(group.messages(group.primary(), 1), delivered);
}

TEST(ShardGroup, ACopyThatWasAwayCatchesUp) {
  Group group;
  for (std::uint32_t n = 1; n <= kNodes; ++n) group.start(n);
  ASSERT_TRUE(group.all_in_sync(3));
  ASSERT_TRUE(group.create_account(1));
  const std::uint32_t away = group.primary() % kNodes + 1;
  group.kill(away);
  const std::string large(200'000, 'x');  // more than the primary keeps in memory
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(group.deliver(1, large + std::to_string(i)));
  EXPECT_EQ(group.in_sync(), 2u);
  group.start(away);
  ASSERT_TRUE(group.all_in_sync(3));
  group.expect_equal();
}

TEST(ShardGroup, OneThatIsCutOffAnswersNothingAndIsReplaced) {
  Group group;
  for (std::uint32_t n = 1; n <= kNodes; ++n) group.start(n);
  ASSERT_TRUE(group.all_in_sync(3));
  ASSERT_TRUE(group.create_account(1));
  const std::uint32_t old = group.primary();
  group.cut_off(old);
  ASSERT_TRUE(group.wait(3s, [&] { return group.primary() != 0; }));
  EXPECT_NE(group.primary(), old);
  ASSERT_TRUE(group.deliver(1, "while it is away"));
  group.cut_off(0);
  ASSERT_TRUE(group.all_in_sync(3));
  group.expect_equal();
  EXPECT_EQ(group.messages(old, 1), 1u);
}

TEST(ShardGroup, OneThatStopsHandsOverAtOnce) {
  Group group;
  for (std::uint32_t n = 1; n <= kNodes; ++n) group.start(n);
  ASSERT_TRUE(group.all_in_sync(3));
  ASSERT_TRUE(group.create_account(1));
  const std::uint32_t old = group.primary();
  std::thread stopping([&] { group.stop(old); });
  EXPECT_TRUE(group.wait(300ms, [&] {
    const std::uint32_t now = group.primary();
    return now != 0 && now != old;
  }));
  stopping.join();
  ASSERT_TRUE(group.deliver(1, "after it"));
  group.start(old);
  ASSERT_TRUE(group.all_in_sync(3));
  group.expect_equal();
}

}  // namespace
}  // namespace everpost::cluster
