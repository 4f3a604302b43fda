#include "node/smtp/incoming_message.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <string>

#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

using Framing = DataDecoder::Framing;
constexpr std::size_t kChunkBytes = IncomingMessage::kChunkBytes;

constexpr const char* kTrace = "Return-Path: <>\r\nReceived: from x\r\n";

IncomingMessage::Options options() {
  IncomingMessage::Options options;
  options.trace = kTrace;
  options.bytes_max = 1 << 20;
  return options;
}

// Feeds `input` in pieces, giving memory as it is asked for; returns what was stored.
std::string feed(IncomingMessage& message, std::string_view input, std::size_t step) {
  std::string stored;
  while (!input.empty() && !message.ended()) {
    std::string_view piece = input.substr(0, step);
    while (!piece.empty() && !message.ended()) {
      if (message.room() == 0) {
        if (message.chunk_ready()) stored += *message.chunk();
        message.reserve(message.reserved() + 5000);
      }
      const std::size_t taken = message.take(piece);
      piece.remove_prefix(taken);
      input.remove_prefix(taken);
    }
  }
  message.finish();
  while (message.chunk_ready()) stored += *message.chunk();
  stored += message.tail();
  return stored;
}

std::string lines(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; ++i)
    text += "line " + std::to_string(i) + " of a message\r\n";
  return text;
}

Guid sha256_prefix(std::string_view bytes) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
  Guid guid;
  std::memcpy(guid.data(), hash, guid.size());
  return guid;
}

TEST(IncomingMessage, IsTheTraceAndWhatTheClientSent) {
  const std::string sent = "Subject: x\r\n\r\nhello\r\n";
  for (std::size_t step = 1; step < 30; ++step) {
    IncomingMessage message(options());
    EXPECT_EQ(feed(message, sent + ".\r\n", step), kTrace + sent);
    EXPECT_TRUE(message.ended());
    EXPECT_FALSE(message.refusal());
    EXPECT_EQ(message.size(), std::string(kTrace).size() + sent.size());
  }
}

TEST(IncomingMessage, LargeOnesComeInChunksOfOneSizeAndHashAsAWhole) {
  const std::string sent = "Subject: x\r\n\r\n" + lines(3 * kChunkBytes + 1234);
  for (const std::size_t step : {std::size_t{1000}, std::size_t{65536}, sent.size()}) {
    IncomingMessage message(options());
    std::string_view input = sent;
    std::string stored;
    std::size_t chunks = 0;
    while (!input.empty()) {
      if (message.room() == 0) {
        if (message.chunk_ready()) {
          const SharedBytes chunk = message.chunk();
          EXPECT_EQ(chunk->size(), kChunkBytes);
          stored += *chunk;
          ++chunks;
        }
        message.reserve(kChunkBytes);
      }
      input.remove_prefix(message.take(input.substr(0, step)));
    }
    EXPECT_EQ(message.take(".\r\n"), 3u);
    message.finish();
    stored += *message.take_tail();
    EXPECT_EQ(chunks, 3u);
    EXPECT_TRUE(stored == kTrace + sent);
    EXPECT_EQ(message.size(), stored.size());
    EXPECT_EQ(message.guid(), sha256_prefix(stored));
  }
}

TEST(IncomingMessage, NeverBuffersMoreThanWasReserved) {
  IncomingMessage message(options());
  message.reserve(1000);
  const std::string line = std::string(100, 'x') + "\r\n";
  std::string input = "A: b\r\n\r\n";
  for (int i = 0; i < 100; ++i) input += line;
  std::size_t taken = 0;
  while (message.room() > 0) taken += message.take(std::string_view(input).substr(taken));
  EXPECT_LE(message.tail().size(), 1001u);
  EXPECT_LT(taken, input.size());
}

TEST(IncomingMessage, ASubmissionGetsTheFieldsThatItLacks) {
  struct Case {
    const char* sent;
    const char* added;
  };
  const Case cases[] = {
      {"Subject: x\r\n\r\nhello\r\n", "Date: now\r\nMessage-ID: <1@x>\r\n"},
      {"Date: then\r\n\r\n", "Message-ID: <1@x>\r\n"},
      {"date : then\r\nMESSAGE-ID: <2@x>\r\n\r\n", ""},
      {"X: a\r\n Date: folded\r\n\r\nMessage-ID: in the body\r\n",
       "Date: now\r\nMessage-ID: <1@x>\r\n"},
      {"no header at all\r\nDate: x\r\n", "Date: now\r\nMessage-ID: <1@x>\r\n"},
      {"", "Date: now\r\nMessage-ID: <1@x>\r\n"},
      {"Message-ID: <2@x>\r\nDate: without an empty line\r\n", ""},
      {"Date-Not: x\r\nXMessage-ID: <2@x>\r\n\r\n", "Date: now\r\nMessage-ID: <1@x>\r\n"},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {1, 7, 1000}) {
      SCOPED_TRACE(c.sent);
      IncomingMessage::Options with = options();
      with.date = "Date: now\r\n";
      with.message_id = "Message-ID: <1@x>\r\n";
      IncomingMessage message(std::move(with));
      EXPECT_EQ(feed(message, std::string(c.sent) + ".\r\n", step),
                std::string(kTrace) + c.added + c.sent);
    }
  }
}

TEST(IncomingMessage, IsRefused) {
  std::string hops;
  for (std::size_t i = 0; i <= kHopsMax; ++i) hops += "Received: from a by b; date\r\n";
  std::string header;
  while (header.size() <= kHeaderBytes) header += "X-Filler: " + std::string(900, 'x') + "\r\n";
  struct Case {
    const char* name;
    std::string sent;
    int code;
    const char* enhanced;
    const char* reason;
  };
  const Case cases[] = {
      {"bare LF", "a\nb\r\n", 554, "5.6.0", "bare_newline"},
      {"bare CR", "a\rb\r\n", 554, "5.6.0", "bare_newline"},
      {"a long line", std::string(kTextLineBytes, 'x') + "\r\n", 554, "5.6.0", "long_line"},
      {"a loop", hops + "\r\n", 554, "5.4.6", "loop"},
      {"a long header", header + "\r\n", 552, "5.3.4", "header_size"},
      {"a header without an end", header, 552, "5.3.4", "header_size"},
      {"too large", "A: b\r\n\r\n" + lines(1 << 20), 552, "5.3.4", "size"},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {std::size_t{1000}, std::size_t{1} << 20}) {
      SCOPED_TRACE(c.name);
      IncomingMessage message(options());
      feed(message, c.sent + ".\r\n", step);
      ASSERT_TRUE(message.refusal());
      EXPECT_TRUE(message.ended());  // and the end was found all the same
      EXPECT_EQ(message.refusal()->reply.code, c.code);
      EXPECT_EQ(message.refusal()->reply.enhanced, c.enhanced);
      EXPECT_EQ(message.refusal()->reason, c.reason);
      EXPECT_TRUE(message.tail().empty());
    }
  }
}

TEST(IncomingMessage, AHundredHopsAndALongHeaderStillPass) {
  std::string sent;
  for (std::size_t i = 0; i < kHopsMax; ++i) sent += "Received: from a by b; date\r\n";
  while (sent.size() + 1000 < kHeaderBytes) sent += "X-Filler: " + std::string(900, 'x') + "\r\n";
  sent += "\r\nReceived: not in the body\r\n";
  IncomingMessage message(options());
  EXPECT_TRUE(feed(message, sent + ".\r\n", 1000) == kTrace + sent);
  EXPECT_FALSE(message.refusal());
}

TEST(IncomingMessage, AChunkedOneMayEndWithoutALineEnd) {
  IncomingMessage::Options chunked = options();
  chunked.framing = Framing::kChunks;
  IncomingMessage message(std::move(chunked));
  EXPECT_EQ(feed(message, "A: b\r\n\r\nhel", 4), std::string(kTrace) + "A: b\r\n\r\nhel");
  EXPECT_FALSE(message.refusal());
}

TEST(IncomingMessage, AChunkedOneThatEndsWithCrIsRefused) {
  IncomingMessage::Options chunked = options();
  chunked.framing = Framing::kChunks;
  IncomingMessage message(std::move(chunked));
  feed(message, "A: b\r\n\r\nhel\r", 4);
  ASSERT_TRUE(message.refusal());
  EXPECT_EQ(message.refusal()->reason, "bare_newline");
}

TEST(IncomingMessage, OnceRefusedNeedsNoMemory) {
  IncomingMessage message(options());
  message.reserve(1000);
  message.refuse({{452, "4.3.1", "no"}, "memory"});
  const std::string input = lines(1 << 20);
  EXPECT_EQ(message.take(input), input.size());
  EXPECT_EQ(message.received(), input.size());
  EXPECT_TRUE(message.tail().empty());
  EXPECT_EQ(message.refusal()->reason, "memory");
}

}  // namespace
}  // namespace everpost::node::smtp
