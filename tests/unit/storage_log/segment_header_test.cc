#include "storage/log/segment_header.h"

#include "base/crc32c.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

SegmentHeader header() {
  SegmentHeader header;
  header.flags = kCopiedForward;
  header.identity = small_log().identity;
  header.epoch = Epoch{0x2a};
  header.start = {Lsn{0x1000}, 77, {123456}, Lsn{0xf00}};
  header.group_bytes_max = 4096;
  return header;
}

TEST(SegmentHeader, GivesBackWhatWasWritten) {
  const auto got = decode_segment_header(encode_segment_header(header()));
  ASSERT_OK(got);
  EXPECT_EQ(got->flags, header().flags);
  EXPECT_EQ(got->identity.cluster, header().identity.cluster);
  EXPECT_EQ(got->identity.disk, header().identity.disk);
  EXPECT_EQ(got->identity.shard, header().identity.shard);
  EXPECT_EQ(got->identity.lineage, header().identity.lineage);
  EXPECT_EQ(got->epoch, header().epoch);
  EXPECT_EQ(got->start, header().start);
  EXPECT_EQ(got->group_bytes_max, header().group_bytes_max);
}

TEST(SegmentHeader, RefusesAnyBitFlipped) {
  for (std::size_t bit = 0; bit < 96 * 8; ++bit) {
    auto bytes = encode_segment_header(header());
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_ERROR(kCorrupt, decode_segment_header(bytes));
  }
  EXPECT_ERROR(kCorrupt, decode_segment_header(Bytes(encode_segment_header(header())).first(4095)));
}

TEST(SegmentHeader, TellsANewerFormatFromDamage) {
  auto bytes = encode_segment_header(header());
  store_le(bytes.data() + 8, std::uint16_t{2});
  store_le(bytes.data() + 92, crc32c(Bytes(bytes).first(92)));
  EXPECT_ERROR(kUnsupported, decode_segment_header(bytes));
}

TEST(SegmentName, IsBaseAndEpoch) {
  EXPECT_EQ(segment_name(header()), "0000000000001000-0000002a.seg");
  const auto parsed = parse_segment_name("0000000000001000-0000002a.seg");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->base, Lsn{0x1000});
  EXPECT_EQ(parsed->epoch, Epoch{0x2a});
  for (const char* other :
       {"", "ready.tmp", "0000000000001000-0000002a.sx", "0000000000001000-0000002A.seg",
        "000000000000100-0000002a.seg", "0000000000001000_0000002a.seg",
        "+000000000001000-0000002a.seg", "0000000000001000-0000002a.seg.tmp"})
    EXPECT_FALSE(parse_segment_name(other)) << other;
}

}  // namespace
}  // namespace everpost::storage
