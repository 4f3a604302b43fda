#include "storage/log/record_codec.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"

namespace everpost::storage {
namespace {

LogIdentity identity() {
  LogIdentity identity;
  identity.cluster.fill(std::byte{1});
  identity.shard = ShardId{2};
  identity.lineage = Lineage{3};
  return identity;
}

RecordHeader header() {
  RecordHeader header;
  header.type = RecordType::kBodyChunk;
  header.flags = kHasBody;
  header.lsn = Lsn{0x1122334455667788};
  header.epoch = Epoch{9};
  header.feature_level = 4;
  header.prev_crc = 5;
  header.meta_bytes = 6;
  header.body_bytes = 7;
  header.meta_crc = 8;
  header.body_crc = 10;
  header.commit = Lsn{11};
  header.time = {12};
  return header;
}

std::array<std::byte, kRecordHeaderBytes> encoded(const LogIdentity& identity,
                                                  RecordHeader header) {
  std::array<std::byte, kRecordHeaderBytes> bytes{};
  encode_header(header, header_seed(identity), bytes);
  return bytes;
}

TEST(RecordCodec, GivesBackWhatWasWritten) {
  const auto bytes = encoded(identity(), header());
  const auto got = decode_header(bytes, header_seed(identity()));
  ASSERT_TRUE(got);
  const RecordHeader want = header();
  EXPECT_EQ(got->type, want.type);
  EXPECT_EQ(got->flags, want.flags);
  EXPECT_EQ(got->header_bytes, 64);
  EXPECT_EQ(got->lsn, want.lsn);
  EXPECT_EQ(got->epoch, want.epoch);
  EXPECT_EQ(got->feature_level, want.feature_level);
  EXPECT_EQ(got->prev_crc, want.prev_crc);
  EXPECT_EQ(got->meta_bytes, want.meta_bytes);
  EXPECT_EQ(got->body_bytes, want.body_bytes);
  EXPECT_EQ(got->meta_crc, want.meta_crc);
  EXPECT_EQ(got->body_crc, want.body_crc);
  EXPECT_EQ(got->commit, want.commit);
  EXPECT_EQ(got->time, want.time);
  EXPECT_EQ(got->crc, load_le<std::uint32_t>(bytes.data()));
}

TEST(RecordCodec, RefusesAHeaderWithAnyBitFlipped) {
  for (std::size_t bit = 0; bit < kRecordHeaderBytes * 8; ++bit) {
    auto bytes = encoded(identity(), header());
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(decode_header(bytes, header_seed(identity()))) << bit;
  }
}

TEST(RecordCodec, RefusesAHeaderOfAnotherLog) {
  LogIdentity cluster = identity(), shard = identity(), lineage = identity();
  cluster.cluster[15] = std::byte{2};
  shard.shard = ShardId{3};
  lineage.lineage = Lineage{4};
  for (const LogIdentity& other : {cluster, shard, lineage})
    EXPECT_FALSE(decode_header(encoded(identity(), header()), header_seed(other)));
  LogIdentity disk = identity();
  disk.disk.fill(std::byte{7});  // a record is the same on every replica
  EXPECT_TRUE(decode_header(encoded(identity(), header()), header_seed(disk)));
}

TEST(RecordCodec, RefusesLengthsAboveTheLimits) {
  RecordHeader meta = header(), body = header();
  meta.meta_bytes = kRecordMetaBytesMax + 1;
  body.body_bytes = kRecordBodyBytesMax + 1;
  for (const RecordHeader& large : {meta, body})
    EXPECT_FALSE(decode_header(encoded(identity(), large), header_seed(identity())));
}

TEST(RecordCodec, RefusesTooFewBytes) {
  const auto bytes = encoded(identity(), header());
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_header(Bytes(bytes).first(n), header_seed(identity())));
}

TEST(RecordCodec, ReadsALongerHeaderOfALaterVersion) {
  const auto short_one = encoded(identity(), header());
  std::array<std::byte, 80> bytes{};
  std::ranges::copy(short_one, bytes.begin());
  bytes[7] = std::byte{80 / 8};
  bytes[70] = std::byte{42};  // a field that we do not know
  store_le(bytes.data(), crc32c_extend(header_seed(identity()), Bytes(bytes).subspan(4)));
  const auto got = decode_header(bytes, header_seed(identity()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header_bytes, 80);
  EXPECT_EQ(got->body_at(), header().lsn + 80 + 8);
}

TEST(Record, SealsItself) {
  NewRecord record;
  record.meta = "meta";
  record.body = {share("1234"), share("56789")};
  record.seal();
  EXPECT_EQ(record.meta_crc, crc32c(as_bytes("meta")));
  EXPECT_EQ(record.body_crc, 0xE3069283u);
  EXPECT_EQ(record.body_bytes(), 9u);
  EXPECT_TRUE(record.flags & kHasBody);
}

}  // namespace
}  // namespace everpost::storage
