#include "node/net/read_buffer.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

namespace everpost::node {
namespace {

void receive(ReadBuffer& buffer, std::string_view bytes) {
  const auto room = buffer.room();
  ASSERT_GE(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  buffer.filled(bytes.size());
}

TEST(ReadBuffer, TakesNoMemoryWhileEmptyAndReleased) {
  ReadBuffer buffer;
  EXPECT_EQ(buffer.capacity(), 0u);
  receive(buffer, "abc");
  buffer.release();
  EXPECT_EQ(buffer.view(), "abc") << "release() drops nothing";
  buffer.consume(3);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ReadBuffer, StartsSmallAndGrowsUnderLoad) {
  ReadBuffer buffer;
  EXPECT_LE(buffer.room().size(), 4096u);
  for (int i = 0; i < 10; ++i) {
    buffer.filled(buffer.room().size());
    buffer.consume(buffer.size());
    buffer.release();
  }
  EXPECT_EQ(buffer.room().size(), ReadBuffer::kBytesMax);
}

TEST(ReadBuffer, HoldsNoMoreThanItsBound) {
  ReadBuffer buffer;
  while (!buffer.room().empty()) buffer.filled(buffer.room().size());
  EXPECT_EQ(buffer.size(), ReadBuffer::kBytesMax);
  buffer.consume(1);
  EXPECT_FALSE(buffer.room().empty());
}

TEST(ReadBuffer, KeepsItsBytesInOrderWhenItMovesThem) {
  ReadBuffer buffer;
  std::string sent, got;
  for (int i = 0; i < 20'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    receive(buffer, piece);
    sent += piece;
    if (i % 3 != 0) {
      const std::size_t take = std::min<std::size_t>(buffer.size(), i % 17);
      got += buffer.view().substr(0, take);
      buffer.consume(take);
    }
  }
  got += buffer.view();
  EXPECT_TRUE(got == sent);
}

TEST(ReadBuffer, ShrinksToWhatIsBuffered) {
  ReadBuffer buffer;
  while (!buffer.room().empty()) buffer.filled(buffer.room().size());
  buffer.consume(buffer.size() - 5000);
  const std::string left(buffer.view());
  buffer.shrink();
  EXPECT_EQ(buffer.view(), left);
  EXPECT_EQ(buffer.capacity(), 8192u);
  buffer.consume(5000);
  buffer.shrink();
  EXPECT_EQ(buffer.capacity(), 0u);
}

}  // namespace
}  // namespace everpost::node
