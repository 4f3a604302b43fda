#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "storage/env/memory_env.h"
#include "storage/index/hint_file.h"
#include "storage/replica/boot_id.h"
#include "storage/replica/checkpoint_mark.h"
#include "storage/replica/meta.h"
#include "tests/unit/storage/golden.h"

namespace everpost::storage {
namespace {

Uuid uuid(std::uint8_t first) {
  Uuid id;
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::byte>(first + i);
  return id;
}

// The example of docs/formats/meta.md.
ReplicaMeta example() {
  ReplicaMeta meta;
  meta.cluster = uuid(0x10);
  meta.disk = uuid(0x20);
  meta.boot = uuid(0x30);
  meta.shard = ShardId{7};
  meta.lineage = Lineage{1};
  meta.reign.epoch = Epoch{42};
  meta.clean = true;
  return meta;
}
ReplicaMeta every_field() {
  ReplicaMeta meta = example();
  meta.kind = ShardKind::kDirectory;
  meta.clean = false;
  meta.index_damaged = true;
  meta.crash_count = 1;
  meta.crash_lsn = Lsn{0x123456789a};
  meta.reign.config_version = 0x1122334455;
  meta.reign.fence_version = 0x66778899aa;
  meta.reign.fence_epoch = Epoch{43};
  meta.reign.suspect = true;
  return meta;
}

TEST(ReplicaMeta, IsReadAsItWasWritten) {
  for (const ReplicaMeta& meta : {example(), every_field(), ReplicaMeta{}}) {
    const auto read = decode_replica_meta(as_bytes(encode(meta)));
    ASSERT_TRUE(read) << to_string(read.error());
    EXPECT_EQ(*read, meta);
  }
}

TEST(ReplicaMeta, OfTheGoldenFilesStaysReadable) {
  const auto first = decode_replica_meta(as_bytes(golden("replica/meta-1.bin", encode(example()))));
  ASSERT_TRUE(first) << to_string(first.error());
  EXPECT_EQ(*first, example());
  const auto second =
      decode_replica_meta(as_bytes(golden("replica/meta-1-in-use.bin", encode(every_field()))));
  ASSERT_TRUE(second) << to_string(second.error());
  EXPECT_EQ(*second, every_field());
}

TEST(ReplicaMeta, IsMissedWithAnyBitFlipped) {
  const std::string bytes = encode(every_field());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto read = decode_replica_meta(as_bytes(changed));
    ASSERT_FALSE(read) << bit;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << bit;
  }
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_replica_meta(as_bytes(bytes.substr(0, cut)))) << cut;
  EXPECT_FALSE(decode_replica_meta(as_bytes(bytes + "x")));
}

TEST(ReplicaMeta, OfANewerFormatIsUnsupported) {
  std::string bytes = encode(example());
  bytes[8] = 2;
  bytes.resize(bytes.size() - 4);
  append_le(bytes, crc32c(as_bytes(bytes)));
  EXPECT_EQ(decode_replica_meta(as_bytes(bytes)).error().code, ErrorCode::kUnsupported);
}

TEST(ReplicaMeta, IsTheOldOneOrTheNewOneAfterACrash) {
  for (std::uint64_t at = 1; at < 12; ++at) {
    SCOPED_TRACE(at);
    MemoryEnv env(at);
    ASSERT_TRUE(write_replica_meta(env, "meta", example()));
    env.stop_at(env.operations() + at);
    const bool done = write_replica_meta(env, "meta", every_field()).has_value();
    env.crash(MemoryEnv::Crash::kPower);
    const auto meta = read_replica_meta(env, "meta");
    ASSERT_TRUE(meta) << to_string(meta.error());
    ASSERT_TRUE(*meta);
    EXPECT_TRUE(**meta == every_field() || (!done && **meta == example()));
  }
}

TEST(ReplicaMeta, ThatIsNotThereIsNoError) {
  MemoryEnv env;
  const auto meta = read_replica_meta(env, "meta");
  ASSERT_TRUE(meta);
  EXPECT_FALSE(*meta);
}

TEST(HintFile, HasWhatWasWrittenLast) {
  MemoryEnv env;
  {
    const auto hint = *HintFile::open(env, "hint");
    EXPECT_EQ(hint->found(), HintFile::Value{});
    ASSERT_TRUE(hint->write({1, 2}));
    ASSERT_TRUE(hint->write({UINT64_MAX, 3}));
  }
  env.crash(MemoryEnv::Crash::kProcess);
  EXPECT_EQ((*HintFile::open(env, "hint"))->found(), (HintFile::Value{UINT64_MAX, 3}));
}

TEST(HintFile, CountsAsEmptyWhenItIsDamaged) {
  MemoryEnv env;
  ASSERT_TRUE((*HintFile::open(env, "hint"))->write({1, 2}));
  for (unsigned bit = 0; bit < 20 * 8; ++bit) {
    env.flip_bit("hint", bit / 8, bit % 8);
    const auto hint = *HintFile::open(env, "hint");
    EXPECT_EQ(hint->found(), HintFile::Value{});
    EXPECT_TRUE(hint->damaged());
    env.flip_bit("hint", bit / 8, bit % 8);
  }
}

TEST(CheckpointMark, IsReadAsItWasWritten) {
  const CheckpointMark mark{Lsn{0x1122334455667788}, {1, 0xffffffffffffffff}};
  EXPECT_EQ(*decode_checkpoint_mark(as_bytes(encode(mark))), mark);
  EXPECT_EQ(*decode_checkpoint_mark(as_bytes(encode(mark) + "more")), mark);
  EXPECT_FALSE(decode_checkpoint_mark(as_bytes(encode(mark).substr(1))));
}

TEST(BootId, IsTheSameInOneBoot) {
  EXPECT_EQ(current_boot(), current_boot());
  EXPECT_NE(current_boot(), Uuid{});
}

}  // namespace
}  // namespace everpost::storage
