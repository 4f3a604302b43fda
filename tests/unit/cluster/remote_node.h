// For tests of one node's view of another: node 1 is real, over files in memory; node 9 has nothing
// but a RemoteMailStore.
#pragma once

#include <gtest/gtest.h>
#include <thread>

#include "base/crc32c.h"
#include "cluster/node.h"
#include "cluster/router/remote_mail_store.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"
#include "tests/unit/cluster/faulty_peer.h"
#include "tests/unit/cluster/test_clock.h"

namespace everpost::cluster {

inline constexpr NodeId kThere{1}, kOther{2}, kHere{9};
inline constexpr ShardId kOne{1};
inline constexpr AccountId kAnn{1};

inline storage::UidSet all_uids() {
  storage::UidSet all;
  all.add(Uid{1}, Uid{UINT32_MAX});
  return all;
}

class RemoteNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(env_.make_folder("data"));
    NodeOptions options;
    options.env = &env_;
    options.clock = &clock_;
    options.node = kThere;
    options.data_folder = "data";
    options.mail_shards = 2;
    options.segment_bytes = 8 << 20;
    options.index_cache_bytes = 1 << 20;
    auto node = Node::open(options);
    ASSERT_TRUE(node) << to_string(node.error());
    node_ = *std::move(node);
    server_ = std::make_unique<MailServer>(node_->mail(), node_->directory());
    peer_.add(kThere, *server_);
    make_store();
  }
  void TearDown() override {
    if (server_) server_->stop();
    store_.reset();
    peer_.join();
    server_.reset();
    if (node_) EXPECT_TRUE(node_->stop());
  }
  void make_store() {
    store_.reset();
    RemoteMailStore::Options options;
    options.node = kHere;
    options.route = route_;
    options.work_threads = 2;
    store_ = std::make_unique<RemoteMailStore>(options, node_->mail(), map_, peer_);
  }
  MailStore& there() { return node_->mail(); }
  MailStore& mail() { return *store_; }

  static storage::AddMessage add(const std::string& text) {
    storage::AddMessage add;
    add.targets.push_back({kAnn, MailboxId{0}});
    add.content.own_bytes = static_cast<std::uint32_t>(text.size());
    add.content.own_crc = crc32c(as_bytes(text));
    add.content.size = text.size();
    return add;
  }
  static Result<storage::MailOutcome> deliver(MailStore& store, const std::string& text) {
    storage::MailTxn txn;
    txn.op = store.new_op();
    txn.commands.push_back(add(text));
    return await(store.submit(kOne, txn, {share(text)}));
  }
  storage::MailboxInfo inbox() { return *await(there().find_mailbox(kOne, kAnn, "INBOX")); }
  static std::vector<std::string> texts(MailStore& store, MailboxId box) {
    std::vector<std::string> found;
    const auto messages = await(store.messages(kOne, box, all_uids(), 100'000));
    if (!messages) return {to_string(messages.error())};
    for (const auto& message : *messages) {
      auto text = await(store.read(kOne, {ByteRange{message.content}}));
      found.push_back(text ? text->at(0) : to_string(text.error()));
    }
    return found;
  }

  storage::MemoryEnv env_{1};
  TestClock clock_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<MailServer> server_;
  FaultyPeer peer_{kHere};
  TestShardMap map_{kThere};
  RouteOptions route_{.deadline = std::chrono::seconds{10},
                      .attempt = std::chrono::milliseconds{15},
                      .wait_first = std::chrono::milliseconds{1},
                      .wait_max = std::chrono::milliseconds{4},
                      .look_every = std::chrono::milliseconds{5}};
  std::unique_ptr<RemoteMailStore> store_;
};

// Waits for what another thread does.
template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

}  // namespace everpost::cluster
