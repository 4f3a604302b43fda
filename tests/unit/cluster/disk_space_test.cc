// The mark below which new mail is refused.
#include "cluster/disk_space.h"

#include <gtest/gtest.h>

#include "storage/env/memory_env.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

storage::MailTxn txn(storage::MailCommand command) {
  storage::MailTxn txn;
  txn.commands.push_back(std::move(command));
  return txn;
}

class DiskSpaceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto file = env_.open("ballast", storage::Env::Open::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->allocate(0, 100 * kMiB));
  }
  void look(std::uint64_t free_bytes) {
    env_.set_space(100 * kMiB + free_bytes);
    space_.look();
  }

  storage::MemoryEnv env_{1};
  DiskSpace space_{env_, {.folder = "", .min_free_percent = 10, .min_free_bytes = 4 * kMiB}};
};

TEST_F(DiskSpaceTest, BelowTheMarkWhatGrowsIsRefusedAndTheRestGoesOn) {
  look(20 * kMiB);
  EXPECT_FALSE(space_.low());
  EXPECT_TRUE(space_.admit(txn(storage::AddMessage{})));
  EXPECT_TRUE(space_.admit_upload());
  look(11 * kMiB);  // of 111
  EXPECT_TRUE(space_.low());

  const auto refused = space_.admit(txn(storage::AddMessage{}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
  EXPECT_FALSE(space_.admit(txn(storage::QueueAdd{})));
  EXPECT_FALSE(space_.admit(txn(storage::CopyMessages{})));
  EXPECT_FALSE(space_.admit_upload());
  storage::CopyMessages move;
  move.move = true;
  EXPECT_TRUE(space_.admit(txn(move)));
  EXPECT_TRUE(space_.admit(txn(storage::StoreFlags{})));
  EXPECT_TRUE(space_.admit(txn(storage::Expunge{})));
  EXPECT_TRUE(space_.admit(txn(storage::DeleteMailbox{})));
  EXPECT_TRUE(space_.admit(txn(storage::QueueDone{})));
  EXPECT_EQ(space_.status().refused, 4u);
}

TEST_F(DiskSpaceTest, MailIsTakenAgainOnlyWellAboveTheMark) {
  look(11 * kMiB);
  look(13 * kMiB);  // of 113: above the mark, by less than a quarter of it
  EXPECT_TRUE(space_.low());
  look(15 * kMiB);  // of 115
  EXPECT_FALSE(space_.low());
  look(13 * kMiB);
  EXPECT_FALSE(space_.low());
}

TEST_F(DiskSpaceTest, OnASmallFileSystemTheMarkIsInBytes) {
  DiskSpace space(env_, {.folder = "", .min_free_percent = 1, .min_free_bytes = 4 * kMiB});
  env_.set_space(103 * kMiB);
  space.look();
  EXPECT_TRUE(space.low());
  EXPECT_EQ(space.status().mark_bytes, 4 * kMiB);
}

TEST_F(DiskSpaceTest, WithoutAMarkNothingIsRefused) {
  DiskSpace space(env_, {.folder = "", .min_free_percent = 0, .min_free_bytes = 4 * kMiB});
  env_.set_space(100 * kMiB);
  space.look();
  EXPECT_FALSE(space.low());
}

}  // namespace
}  // namespace everpost::cluster
