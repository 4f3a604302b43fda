#include "base/crc32c.h"

#include <gtest/gtest.h>
#include <string>

namespace everpost {
namespace {

TEST(Crc32c, GivesTheCheckValuesOfTheRfcs) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8A9136AAu);  // RFC 3720 §B.4
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62A8AB43u);
}

TEST(Crc32c, OfPiecesIsThatOfTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 31);
  for (const std::size_t cut : {0, 1, 7, 8, 500, 999, 1000}) {
    SCOPED_TRACE(cut);
    const Bytes whole = as_bytes(text);
    const auto first = crc32c(whole.first(cut));
    EXPECT_EQ(crc32c_extend(first, whole.subspan(cut)), crc32c(whole));
    EXPECT_EQ(crc32c_combine(first, crc32c(whole.subspan(cut)), 1000 - cut), crc32c(whole));
  }
}

}  // namespace
}  // namespace everpost
