// Watches of mailboxes on another node: a change is told, whatever happens in between.
#include <gtest/gtest.h>
#include <random>

#include "tests/unit/cluster/remote_node.h"

namespace everpost::cluster {
namespace {

class RemoteWatchTest : public RemoteNodeTest {
 protected:
  void SetUp() override {
    RemoteNodeTest::SetUp();
    ASSERT_TRUE(deliver(there(), "first"));
    box_ = inbox().id;
  }
  // A watch that is registered: it was called once because of that.
  std::unique_ptr<Watch> registered(std::atomic<int>& heard) {
    auto watch = mail().watch_mailbox(kOne, box_, [&heard] { ++heard; });
    EXPECT_TRUE(soon([&] { return heard == 1; }));
    return watch;
  }

  MailboxId box_;
};

TEST_F(RemoteWatchTest, AChangeIsTold) {
  std::atomic<int> heard{0}, account{0};
  const auto watch = registered(heard);
  const auto other = mail().watch_account(kOne, kAnn, [&] { ++account; });
  ASSERT_TRUE(soon([&] { return account == 1; }));
  for (int i = 0; i < 5; ++i) {
    const int before = heard;
    ASSERT_TRUE(deliver(there(), "next"));
    ASSERT_TRUE(soon([&] { return heard > before; }));
  }
  EXPECT_EQ(account, 1);
  storage::MailTxn txn;
  txn.op = there().new_op();
  txn.commands.push_back(storage::CreateMailbox{kAnn, "Work", ""});
  ASSERT_TRUE(await(there().submit(kOne, txn)));
  EXPECT_TRUE(soon([&] { return account == 2; }));
}

TEST_F(RemoteWatchTest, AllWatchesOfAShardTakeOneCall) {
  std::atomic<int> heard{0};
  std::vector<std::unique_ptr<Watch>> watches;
  for (std::uint64_t id = 1; id <= 3000; ++id)
    watches.push_back(mail().watch_mailbox(kOne, MailboxId{id}, [&] { ++heard; }));
  ASSERT_TRUE(soon([&] { return heard >= 3000; }));
  const int before = heard;
  ASSERT_TRUE(deliver(there(), "next"));
  EXPECT_TRUE(soon([&] { return heard > before; }));
  EXPECT_EQ(peer_.most_at_once(), 1u);
  EXPECT_LT(peer_.calls(), 500u);
}

TEST_F(RemoteWatchTest, NobodyIsCalledOnceTheWatchIsGone) {
  std::atomic<int> heard{0}, other{0};
  auto watch = registered(heard);
  const auto kept = mail().watch_mailbox(kOne, box_, [&] { ++other; });
  ASSERT_TRUE(soon([&] { return other >= 1; }));
  watch.reset();
  const int before = heard, others = other;
  ASSERT_TRUE(deliver(there(), "next"));
  ASSERT_TRUE(soon([&] { return other > others; }));
  EXPECT_EQ(heard, before);
}

TEST_F(RemoteWatchTest, NoChangeIsMissedOnABadNetwork) {
  // The plan is asked until the store is gone, after this function.
  peer_.set_plan([random = std::make_shared<std::mt19937>(3)](NodeId, unsigned) {
    const auto fault = static_cast<Fault>((*random)() % 8);
    // Those that wait for the timeout of a held call would hold up the test.
    return fault == Fault::kLoseRequest || fault == Fault::kLoseAnswer ? Fault::kBreakAfter : fault;
  });
  std::atomic<int> heard{0};
  std::atomic<bool> changed{false};
  const auto watch = mail().watch_mailbox(kOne, box_, [&] { ++heard, changed = true; });
  // As a session does: told, it looks; having seen all, it waits to be told.
  ModSeq seen{0};
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(deliver(there(), "next"));
    ASSERT_TRUE(soon([&] {
      if (!changed.exchange(false)) return false;
      const auto now = inbox().highest_modseq;
      return std::exchange(seen, now) < now;
    })) << i;
  }
}

TEST_F(RemoteWatchTest, ANewPrimaryIsWatched) {
  std::atomic<int> heard{0};
  map_.set(kOther);
  map_.after_wrong = kThere;
  peer_.set_plan(
      [](NodeId node, unsigned) { return node == kOther ? Fault::kNotPrimary : Fault::kNone; });
  const auto watch = registered(heard);
  // It moves away, and back: told each time.
  map_.after_wrong = NodeId{0};
  map_.set(kOther);
  ASSERT_TRUE(soon([&] { return map_.wrongs > 1; }));
  ASSERT_TRUE(deliver(there(), "meanwhile"));
  const int before = heard;
  map_.set(kThere);
  EXPECT_TRUE(soon([&] { return heard > before; }));
}

TEST_F(RemoteWatchTest, APrimaryThatHangsIsLeft) {
  std::atomic<int> heard{0};
  map_.set(kOther);
  peer_.set_plan(
      [](NodeId node, unsigned) { return node == kOther ? Fault::kLoseRequest : Fault::kNone; });
  const auto watch = mail().watch_mailbox(kOne, box_, [&] { ++heard; });
  ASSERT_TRUE(soon([&] { return peer_.calls() > 0; }));
  EXPECT_EQ(heard, 0);
  map_.set(kThere);
  EXPECT_TRUE(soon([&] { return heard == 1; }));
}

TEST_F(RemoteWatchTest, ThisNodeMayBecomeThePrimary) {
  std::atomic<int> heard{0};
  const auto watch = registered(heard);
  map_.set(kHere);
  ASSERT_TRUE(soon([&] { return heard == 2; }));
  ASSERT_TRUE(deliver(there(), "next"));
  EXPECT_TRUE(soon([&] { return heard == 3; }));
  const auto second = mail().watch_mailbox(kOne, box_, [&] { ++heard; });
  EXPECT_TRUE(soon([&] { return heard >= 5; }));
  map_.set(kThere);
  EXPECT_TRUE(soon([&] { return heard >= 7; }));
}

TEST_F(RemoteWatchTest, AServerThatForgotTheSessionIsToldAllAnew) {
  std::atomic<int> heard{0};
  const auto watch = registered(heard);
  const auto before =
      std::exchange(server_, std::make_unique<MailServer>(there(), node_->directory()));
  peer_.add(kThere, *server_);
  before->stop();
  ASSERT_TRUE(soon([&] { return heard == 2; }));
  ASSERT_TRUE(deliver(there(), "next"));
  EXPECT_TRUE(soon([&] { return heard == 3; }));
}

}  // namespace
}  // namespace everpost::cluster
