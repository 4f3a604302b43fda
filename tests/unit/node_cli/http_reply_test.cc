#include "node/cli/http_reply.h"

#include <gtest/gtest.h>

namespace everpost::cli {
namespace {

TEST(HttpReply, IsReadHoweverItIsCut) {
  const std::string sent =
      "HTTP/1.1 404 Not Found\r\nServer: x\r\ncontent-length:  5\r\n\r\n{\"a\"}and more";
  for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
    HttpReplyReader reader;
    const auto first = reader.add(sent.substr(0, cut));
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(*first, cut >= sent.size() - 8);
    const auto second = reader.add(sent.substr(cut));
    ASSERT_TRUE(second.has_value());
    EXPECT_TRUE(*second);
    const HttpReply reply = reader.take();
    EXPECT_EQ(reply.status, 404u);
    EXPECT_EQ(reply.body, "{\"a\"}");
  }
}

TEST(HttpReply, EndsWithTheConnectionWhenItTellsNoLength) {
  HttpReplyReader reader;
  const auto added = reader.add("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
  ASSERT_TRUE(added.has_value());
  EXPECT_FALSE(*added);
  EXPECT_TRUE(reader.end());
  EXPECT_EQ(reader.take().body, "all of it");
}

TEST(HttpReply, IsRefused) {
  struct Case {
    const char* name;
    std::string sent;
    ErrorCode want;
  };
  const std::string large = std::to_string(HttpReplyReader::kBodyBytesMax + 1);
  const Case cases[] = {
      {"another protocol", "220 mx.example.org ESMTP\r\n\r\n", ErrorCode::kInvalidArgument},
      {"a status of letters", "HTTP/1.1 abc OK\r\n\r\n", ErrorCode::kInvalidArgument},
      {"a short status line", "HTTP/1.1 20\r\n\r\n", ErrorCode::kInvalidArgument},
      {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       ErrorCode::kInvalidArgument},
      {"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
       ErrorCode::kInvalidArgument},
      {"a body beyond the limit", "HTTP/1.1 200 OK\r\nContent-Length: " + large + "\r\n\r\n",
       ErrorCode::kTooLarge},
      {"an endless header", std::string(HttpReplyReader::kHeaderBytesMax + 1, 'x'),
       ErrorCode::kTooLarge},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    HttpReplyReader reader;
    const auto added = reader.add(c.sent);
    ASSERT_FALSE(added.has_value());
    EXPECT_EQ(added.error().code, c.want);
  }
}

TEST(HttpReply, ThatIsCutOffIsNoReply) {
  for (const char* sent :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"}) {
    HttpReplyReader reader;
    ASSERT_TRUE(reader.add(sent).has_value());
    const auto ended = reader.end();
    ASSERT_FALSE(ended.has_value());
    EXPECT_EQ(ended.error().code, ErrorCode::kClosed);
  }
}

}  // namespace
}  // namespace everpost::cli
