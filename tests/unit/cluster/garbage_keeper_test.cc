// A whole node gives the space of deleted mail back by itself, and searches itself for rot.
#include <gtest/gtest.h>
#include <thread>

#include "base/crc32c.h"
#include "cluster/node.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

constexpr ShardId kShard{1};
constexpr AccountId kAnn{1};
constexpr std::size_t kBytes = 900'000;

class GarbageKeeperTest : public testing::Test {
 protected:
  GarbageKeeperTest() {
    EXPECT_TRUE(env_.make_folder("data"));
    NodeOptions options;
    options.env = &env_;
    options.data_folder = "data";
    options.mail_shards = 1;
    options.segment_bytes = 8 << 20;
    options.index_cache_bytes = 1 << 20;
    options.undelete_window = {};
    options.collect_every = std::chrono::milliseconds{100};
    options.failed = [](ShardId, const Error&) {};
    auto node = Node::open(std::move(options));
    EXPECT_TRUE(node) << to_string(node.error());
    if (node) node_ = *std::move(node);
  }
  void submit(storage::MailCommand command, std::vector<SharedBytes> body = {}) {
    storage::MailTxn txn;
    txn.op = node_->mail().new_op();
    txn.commands.push_back(std::move(command));
    const auto outcome = await(node_->mail().submit(kShard, txn, std::move(body)));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    ASSERT_FALSE(outcome->error) << to_string(*outcome->error);
  }
  void deliver(char letter) {
    const std::string text(kBytes, letter);
    storage::AddMessage add;
    add.targets = {{kAnn, MailboxId{0}}};
    add.content.own_bytes = static_cast<std::uint32_t>(text.size());
    add.content.own_crc = crc32c(as_bytes(text));
    add.content.size = text.size();
    submit(add, {share(text)});
  }
  ShardStatus status() { return node_->status()[1]; }

  storage::MemoryEnv env_{1};
  std::unique_ptr<Node> node_;
};

TEST_F(GarbageKeeperTest, GivesSpaceBack) {
  ASSERT_TRUE(node_);
  for (int i = 0; i < 10; ++i) deliver(static_cast<char>('a' + i));
  const auto box = await(node_->mail().find_mailbox(kShard, kAnn, "INBOX"));
  ASSERT_TRUE(box);
  storage::UidSet uids;
  uids.add(Uid{1}, Uid{4});
  submit(storage::Expunge{box->id, uids, false});
  // The index has a checkpoint of its own every ten seconds.
  for (int i = 0; i < 600 && status().space.punches < 4; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  EXPECT_EQ(status().space.punches, 4u);
  EXPECT_GT(status().space.punched_bytes, 4 * (kBytes - 8192));
  EXPECT_FALSE(status().space.collection_failed);
  storage::UidSet all;
  all.add(Uid{1}, Uid{UINT32_MAX});
  const auto messages = await(node_->mail().messages(kShard, box->id, all, 100));
  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 6u);
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const auto text = await(node_->mail().read(kShard, {ByteRange{(*messages)[i].content}}));
    ASSERT_TRUE(text) << to_string(text.error());
    EXPECT_EQ(text->at(0), std::string(kBytes, static_cast<char>('e' + i)));
  }
  const auto findings = node_->verify();
  ASSERT_TRUE(findings);
  EXPECT_TRUE(findings->empty()) << findings->front();
  EXPECT_TRUE(node_->stop());
}

}  // namespace
}  // namespace everpost::cluster
