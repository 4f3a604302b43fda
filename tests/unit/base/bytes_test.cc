#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace everpost {
namespace {

TEST(Bytes, LoadsAndStoresInEitherOrder) {
  std::byte raw[8];
  store_le(raw, std::uint32_t{0x11223344});
  EXPECT_EQ(hex(Bytes(raw).first(4)), "44332211");
  EXPECT_EQ(load_le<std::uint32_t>(raw), 0x11223344u);
  EXPECT_EQ(load_be<std::uint32_t>(raw), 0x44332211u);
  store_be(raw, std::uint64_t{0x0102030405060708});
  EXPECT_EQ(hex(raw), "0102030405060708");
  EXPECT_EQ(load_be<std::uint64_t>(raw), 0x0102030405060708u);
  EXPECT_EQ(load_le<std::uint64_t>(raw), 0x0807060504030201u);
  EXPECT_EQ(load_be<std::uint8_t>(raw), 1u);
}

TEST(Bytes, AppendsToText) {
  std::string text = "x";
  append_be(text, std::uint16_t{0x4142});
  append_le(text, std::uint16_t{0x4142});
  EXPECT_EQ(text, "xABBA");
}

TEST(Bytes, RoundsUpToEight) {
  for (const auto& [bytes, padded] : {std::pair{0, 0}, {1, 8}, {7, 8}, {8, 8}, {9, 16}})
    EXPECT_EQ(pad8(static_cast<std::uint64_t>(bytes)), static_cast<std::uint64_t>(padded));
}

TEST(Hex, HasSixteenDigitsForANumber) {
  EXPECT_EQ(hex(std::uint64_t{0xabc}), "0000000000000abc");
  EXPECT_EQ(hex(Bytes{}), "");
}

TEST(Ids, AreWrittenForLogLines) {
  EXPECT_EQ(to_string(Epoch{7}), "7");
  EXPECT_EQ(to_string(OpId{12, 3, 0xff}), "12-3-00000000000000ff");
  Guid guid{};
  guid[15] = std::byte{1};
  EXPECT_EQ(to_string(guid), "00000000000000000000000000000001");
}

TEST(Ids, SortByHourFirst) {
  EXPECT_LT((OpId{1, 9, 9}), (OpId{2, 0, 0}));
  EXPECT_EQ(Lsn{16} - (Lsn{8} + 8), 0u);
}

}  // namespace
}  // namespace everpost
